package org.tsnext.server.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.http.settings.ListenAddress;

/** Checks of addresses and keys that need more than one setting. */
final class TlsChecks {
  private static final String EXPECTED_KEY =
      "expected private_key_file and certificate_file, or keystore and keystore_pass, or"
          + " tls_self_signed=true for trying out";

  private TlsChecks() {}

  /** The problems of settings whose single values are fine. */
  static List<SettingProblem> check(Settings settings) {
    List<SettingProblem> problems = new ArrayList<>();
    ListenerKeys.opened(settings).forEach(key -> keyForHttps(settings, key, problems));
    ownMetricsAddress(settings, problems);
    keyForGrpc(settings, problems);
    ListenAddress inference = settings.get(ListenerKeys.INFERENCE_ADDRESS);
    ListenAddress management = settings.get(ListenerKeys.MANAGEMENT_ADDRESS);
    if (inference.conflictsWith(management)) {
      problems.add(
          SettingsLoader.problem(
              ListenerKeys.MANAGEMENT_ADDRESS,
              management.toString(),
              settings.source(ListenerKeys.MANAGEMENT_ADDRESS),
              "inference_address has the same host and port with another scheme: expected the"
                  + " same address, for one listener, or another port"));
    }
    together(settings, ListenerKeys.PRIVATE_KEY_FILE, ListenerKeys.CERTIFICATE_FILE, problems);
    together(settings, ListenerKeys.CERTIFICATE_FILE, ListenerKeys.PRIVATE_KEY_FILE, problems);
    together(settings, ListenerKeys.KEYSTORE, ListenerKeys.KEYSTORE_PASS, problems);
    return problems;
  }

  private static void ownMetricsAddress(Settings settings, List<SettingProblem> problems) {
    if (!settings.get(ListenerKeys.ENABLE_METRICS_API)) {
      return;
    }
    ListenAddress metrics = settings.get(ListenerKeys.METRICS_ADDRESS);
    for (SettingKey<ListenAddress> key :
        List.of(ListenerKeys.INFERENCE_ADDRESS, ListenerKeys.MANAGEMENT_ADDRESS)) {
      ListenAddress other = settings.get(key);
      if (metrics.isSamePlace(other)) {
        problems.add(
            SettingsLoader.problem(
                ListenerKeys.METRICS_ADDRESS,
                metrics.toString(),
                settings.source(ListenerKeys.METRICS_ADDRESS),
                key.name()
                    + " has the same place: expected another one, or enable_metrics_api=false"));
        return;
      }
    }
  }

  private static void keyForHttps(
      Settings settings, SettingKey<ListenAddress> address, List<SettingProblem> problems) {
    boolean https = settings.get(address) instanceof ListenAddress.Tcp tcp && tcp.tls();
    if (https && !hasKey(settings)) {
      problems.add(
          SettingsLoader.problem(
              address,
              settings.get(address).toString(),
              settings.source(address),
              "https needs a key: " + EXPECTED_KEY));
    }
  }

  private static void keyForGrpc(Settings settings, List<SettingProblem> problems) {
    boolean tls = settings.get(GrpcKeys.ENABLE_GRPC_API) && settings.get(GrpcKeys.ENABLE_GRPC_SSL);
    if (tls && !hasKey(settings)) {
      problems.add(
          SettingsLoader.problem(
              GrpcKeys.ENABLE_GRPC_SSL,
              "true",
              settings.source(GrpcKeys.ENABLE_GRPC_SSL),
              "TLS needs a key: " + EXPECTED_KEY));
    }
  }

  private static boolean hasKey(Settings settings) {
    return settings.find(ListenerKeys.KEYSTORE).isPresent()
        || settings.find(ListenerKeys.PRIVATE_KEY_FILE).isPresent()
        || settings.get(ListenerKeys.TLS_SELF_SIGNED);
  }

  private static void together(
      Settings settings, SettingKey<?> key, SettingKey<?> other, List<SettingProblem> problems) {
    Optional<?> value = settings.find(key);
    if (value.isPresent() && settings.find(other).isEmpty()) {
      problems.add(
          SettingsLoader.problem(
              key,
              key.shown(value.get().toString()),
              settings.source(key),
              "expected " + other.name() + " beside it, which is not set"));
    }
  }
}
