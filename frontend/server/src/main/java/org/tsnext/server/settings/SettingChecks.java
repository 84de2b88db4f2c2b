package org.tsnext.server.settings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.http.settings.ListenAddress;

/** Checks that need more than one key. */
final class SettingChecks {
  private SettingChecks() {}

  /** The problems of settings whose single values are fine. */
  static List<SettingProblem> check(Settings settings) {
    List<SettingProblem> problems = new ArrayList<>();
    ListenerKeys.opened(settings).forEach(key -> nativeIoForUnixSockets(settings, key, problems));
    problems.addAll(TlsChecks.check(settings));
    problems.addAll(KServe.check(settings));
    envelopeExists(settings, problems);
    onlyOne(settings, SecurityKeys.INFERENCE_TOKEN, SecurityKeys.INFERENCE_TOKEN_FILE, problems);
    onlyOne(settings, SecurityKeys.MANAGEMENT_TOKEN, SecurityKeys.MANAGEMENT_TOKEN_FILE, problems);
    boolean unixWorkers = settings.find(WorkerKeys.WORKER_TRANSPORT).equals(Optional.of("unix"));
    if (unixWorkers && !settings.get(ListenerKeys.USE_NATIVE_IO)) {
      problems.add(
          SettingsLoader.problem(
              WorkerKeys.WORKER_TRANSPORT,
              "unix",
              settings.source(WorkerKeys.WORKER_TRANSPORT),
              "expected tcp, since use_native_io is false"));
    }
    return problems;
  }

  /** An envelope is a module of the package, one of ours or one that a user put beside them. */
  private static void envelopeExists(Settings settings, List<SettingProblem> problems) {
    Optional<String> envelope = settings.find(ModelKeys.SERVICE_ENVELOPE);
    Optional<Path> home = settings.find(ServerKeys.MODEL_SERVER_HOME);
    if (envelope.isEmpty() || home.isEmpty()) {
      return;
    }
    PythonFiles python = new PythonFiles(home.get());
    Path folder = python.envelopes();
    if (Files.isDirectory(folder) && !python.hasEnvelope(envelope.get())) {
      problems.add(
          SettingsLoader.problem(
              ModelKeys.SERVICE_ENVELOPE,
              envelope.get(),
              settings.source(ModelKeys.SERVICE_ENVELOPE),
              "expected body, json, kserve, kservev2 or another module in " + folder));
    }
  }

  private static void onlyOne(
      Settings settings, SettingKey<?> value, SettingKey<?> file, List<SettingProblem> problems) {
    Optional<?> path = settings.find(file);
    if (path.isPresent() && settings.find(value).isPresent()) {
      problems.add(
          SettingsLoader.problem(
              file,
              path.get().toString(),
              settings.source(file),
              "%s (%s) is set as well: expected one of them"
                  .formatted(value.name(), settings.source(value))));
    }
  }

  private static void nativeIoForUnixSockets(
      Settings settings, SettingKey<ListenAddress> key, List<SettingProblem> problems) {
    ListenAddress address = settings.get(key);
    if (address instanceof ListenAddress.Unix && !settings.get(ListenerKeys.USE_NATIVE_IO)) {
      problems.add(
          SettingsLoader.problem(
              key,
              address.toString(),
              settings.source(key),
              "expected http://host[:port], since use_native_io is false"));
    }
  }
}
