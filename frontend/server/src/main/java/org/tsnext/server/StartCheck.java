package org.tsnext.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.archive.ManifestReader;
import org.tsnext.archive.StoreModelSource;
import org.tsnext.archive.remote.UrlModelSource;
import org.tsnext.core.model.ModelPreview;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.time.Clock;
import org.tsnext.server.check.Finding;
import org.tsnext.server.check.LogConfigFindings;
import org.tsnext.server.check.ModelFindings;
import org.tsnext.server.check.Report;
import org.tsnext.server.check.SettingFindings;
import org.tsnext.server.check.StartFindings;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.machine.GpuDetector;
import org.tsnext.server.machine.ServerFolder;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.InvalidSettingsException;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SettingsLoader;
import org.tsnext.server.settings.SettingsLoader.Inspection;
import org.tsnext.server.tokens.Tokens;

/**
 * Looks at all that a start would read, and starts nothing. Archives are unpacked into a private
 * folder that is removed; nothing else is written, and no code of a model runs.
 */
final class StartCheck {
  private final ServerOptions options;
  private final Map<String, String> environment;
  private final GpuDetector gpus;
  private final Path temporaryDirectory;
  private final List<Finding> findings = new ArrayList<>();

  /**
   * @param environment the process's own
   * @param temporaryDirectory where the private folder is made
   */
  StartCheck(
      ServerOptions options,
      Map<String, String> environment,
      GpuDetector gpus,
      Path temporaryDirectory) {
    this.options = options;
    this.environment = environment;
    this.gpus = gpus;
    this.temporaryDirectory = temporaryDirectory;
  }

  /**
   * Everything there is to say, in the order in which a user meets it.
   *
   * @param check what the command found before, and where log4j2 would look
   * @throws IOException if there is no private folder
   */
  Report run(ServerOptions.Task.Check check) throws IOException {
    check
        .problems()
        .forEach(
            text -> findings.add(Finding.fails("torchserve", text, "correct it and check again")));
    Inspection inspection = SettingsLoader.inspect(file(), options.settings(), environment);
    Settings settings = inspection.settings();
    findings.addAll(SettingFindings.of(inspection));
    if (inspection.problems().isEmpty()) {
      secrets(settings);
    }
    findings.addAll(LogConfigFindings.of(check.logConfig()));
    findings.addAll(StartFindings.ofMetrics(settings));
    SnapshotPlan snapshots = ServerProcess.plan(settings, options, environment);
    findings.addAll(StartFindings.ofSnapshots(snapshots));
    models(settings, snapshots);
    findings.addAll(StartFindings.ofDifferences(settings));
    return new Report(findings);
  }

  private Optional<ConfigFile> file() {
    try {
      return ConfigFile.find(environment, options.configFile(), Path.of("").toAbsolutePath());
    } catch (InvalidSettingsException e) {
      e.problems()
          .forEach(
              text ->
                  findings.add(Finding.fails("--ts-config", text, "name a file that can be read")));
      return Optional.empty();
    }
  }

  /** The key of TLS, and tokens in files. */
  private void secrets(Settings settings) {
    try {
      if (!settings.get(ListenerKeys.TLS_SELF_SIGNED)) {
        var unused = new TlsSettings(settings, environment).open(InstantSource.system());
      }
    } catch (StartException e) {
      findings.add(
          Finding.fails("TLS", e.getMessage(), "correct the files of the key, or their password"));
    }
    try {
      Tokens.requireGiven(settings);
    } catch (StartException e) {
      findings.add(Finding.fails("tokens", e.getMessage(), "correct the file of the token"));
    }
  }

  private void models(Settings settings, SnapshotPlan snapshots) throws IOException {
    ModuleSettings modules =
        new ModuleSettings(settings, Runtime.getRuntime().availableProcessors());
    try (ServerFolder folder = ServerFolder.create(temporaryDirectory)) {
      Thread removal = new Thread(folder::close, "check-removal");
      Runtime.getRuntime().addShutdownHook(removal);
      StoreModelSource store =
          new StoreModelSource(
              settings.find(ModelKeys.MODEL_STORE), folder.path(), modules.unpackLimits());
      try (UrlModelSource source =
          new UrlModelSource(
              store,
              modules.remote(folder.path().resolve("downloads"), environment),
              Clock.system()::nanoTime)) {
        findings.addAll(
            ModelFindings.of(
                registrations(settings, snapshots, source),
                settings,
                source,
                new ModelPreview(modules.serving(modules.gpus(gpus.count()))),
                environment));
      } finally {
        Runtime.getRuntime().removeShutdownHook(removal);
      }
    }
  }

  /** What the start would load; where nothing is named, what the store has. */
  private List<RegisterModel> registrations(
      Settings settings, SnapshotPlan snapshots, UrlModelSource source) {
    try {
      if (snapshots.restored().isPresent()) {
        return StartupModels.restored(snapshots.restored().get()).registrations();
      }
      if (settings.isSet(ModelKeys.LOAD_MODELS)) {
        return StartupModels.of(
                SageMaker.of(environment)
                    .withoutPlaceholder(
                        settings.get(ModelKeys.LOAD_MODELS), settings.find(ModelKeys.MODEL_STORE)),
                source)
            .registrations();
      }
      Optional<Path> store = settings.find(ModelKeys.MODEL_STORE);
      return store.isEmpty()
          ? List.of()
          : StartupModels.of(List.of("all"), source).registrations().stream()
              .filter(registration -> looksLikeModel(store.get(), registration.source().url()))
              .toList();
    } catch (StartException e) {
      findings.add(Finding.fails("model_store", e.getMessage(), "name a folder that can be read"));
      return List.of();
    }
  }

  /** A store may be a folder of other things, too, such as {@code /}. */
  private static boolean looksLikeModel(Path store, String name) {
    Path entry = store.resolve(name);
    return !Files.isDirectory(entry) || Files.exists(entry.resolve(ManifestReader.FILE));
  }
}
