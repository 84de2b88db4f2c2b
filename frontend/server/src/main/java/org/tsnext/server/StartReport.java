package org.tsnext.server;

import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.WorkerKeys;
import org.tsnext.transport.Transport;

/** What the log says at start: the values that matter, and what a person should know. */
final class StartReport {
  private static final Logger LOGGER = LoggerFactory.getLogger(StartReport.class);

  private StartReport() {}

  /** Logs what was set, then the warnings, then the notes. */
  static void logSettings(Settings settings, SnapshotPlan snapshots) {
    LOGGER.info("TorchServe Next {}", Version.current());
    LOGGER.info(
        "Config file: {}",
        settings.file().map(ConfigFile::path).map(Path::toString).orElse("none"));
    LOGGER.info(
        "Model store: {}", settings.find(ModelKeys.MODEL_STORE).map(Path::toString).orElse("none"));
    LOGGER.info("Python executable: {}", settings.get(ServerKeys.PYTHON));
    LOGGER.info("Java: {} in {}", Runtime.version(), System.getProperty("java.home"));
    StartWarnings.of(settings, snapshots).forEach(LOGGER::warn);
    settings.notes().forEach(LOGGER::info);
    snapshots.notes().forEach(LOGGER::info);
  }

  /** What helps where there are many more event loops than processors to run them. */
  static String hint(int loops, int cpus) {
    return loops <= 2 * cpus
        ? ""
        : "; that is more than "
            + cpus
            + " processors can use: number_of_netty_threads=0 takes one for every two of them, and"
            + " serves more with less";
  }

  /** By which names clients may call, where that is checked. */
  private static String hosts(Settings settings) {
    List<String> allowed = settings.find(SecurityKeys.ALLOWED_HOSTS).orElse(List.of());
    if (allowed.contains("*")) {
      return "Hosts: any name (allowed_hosts = *)";
    }
    boolean tokens = !settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION);
    return "Hosts: requests to the management address"
        + (tokens ? "" : ", and to any address on loopback since there are no tokens,")
        + " must name an IP address, localhost, a name without dots or of a cluster, or one of"
        + " allowed_hosts: "
        + (allowed.isEmpty() ? "none" : String.join(", ", allowed));
  }

  /** Logs what was made of it on this machine. */
  static void logMachine(
      Settings settings,
      ModuleSettings modules,
      ServingSettings serving,
      int detectedGpus,
      Transport transport) {
    LOGGER.info("Number of CPUs: {}", serving.machine().cpuCount());
    LOGGER.info(
        "Number of GPUs: {} of {} found (number_of_gpu, {})",
        serving.machine().gpuCount(),
        detectedGpus,
        settings.source(WorkerKeys.NUMBER_OF_GPU));
    LOGGER.info(
        "Default workers per model: {} (default_workers_per_model, {})",
        serving.startupWorkers(),
        serving.modelDefaults().workers().isPresent()
            ? settings.source(WorkerKeys.DEFAULT_WORKERS_PER_MODEL)
            : serving.machine().gpuCount() > 0 ? "the number of GPUs" : "the number of CPUs");
    LOGGER.info("{}", hosts(settings));
    LOGGER.info(
        "Event loops: {} ({}){}",
        modules.eventLoopThreads(),
        transport.name(),
        hint(modules.eventLoopThreads(), serving.machine().cpuCount()));
  }
}
