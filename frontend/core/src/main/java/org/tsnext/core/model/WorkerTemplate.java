package org.tsnext.core.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.worker.ModelEnvironment.Prepared;
import org.tsnext.core.worker.WorkerSpec;

/** What all workers of a model version are started with. */
final class WorkerTemplate {

  private WorkerTemplate() {}

  /**
   * The spec of all workers of a version, without id and devices.
   *
   * @param versionId by which the processes are known of which its workers are forks
   */
  static WorkerSpec of(VersionSpec spec, ModelArchive archive, Prepared prepared, int versionId) {
    VersionSettings settings = spec.settings();
    ModelConfig config = settings.config();
    Optional<List<String>> imports = config.workers().templateImports();
    return new WorkerSpec(
        0,
        new WorkerSpec.Model(
            spec.model().id(),
            archive.directory(),
            spec.model().handler(),
            spec.model().envelope(),
            settings.batching().size(),
            config.batching().coroutineKey().isPresent(),
            isWithdrawable(config)),
        WorkerSpec.Gpus.NONE,
        new WorkerSpec.PythonProcess(
            ownCores(config.devices()),
            prepared.pythonPath(),
            prepared.interpreter(),
            prepared.needsSpawn() || config.devices().ranks() > 0
                ? WorkerStart.SPAWN
                : config.workers().start(),
            OptionalInt.empty(),
            config.workers().preloadModel() ? OptionalInt.of(versionId) : OptionalInt.empty(),
            imports.isPresent() && imports.get().isEmpty()
                ? Optional.empty()
                : Optional.of(new WorkerSpec.TemplateImports(versionId, imports))),
        ranksOf(config.devices()),
        settings.timeouts().startup());
  }

  /** Where workers of one process run plain batches one after the other, from one queue. */
  private static boolean isWithdrawable(ModelConfig config) {
    return config.batching().coroutineKey().isEmpty()
        && !config.batching().continuous()
        && !config.sequences().batching()
        && config.devices().ranks() == 0;
  }

  /** What the model itself says of the cores of its workers, over what the server says. */
  private static Map<String, String> ownCores(ModelConfig.Devices devices) {
    return devices
        .ownCores()
        .map(own -> Map.of(WorkerSpec.OWN_CORES, Boolean.toString(own)))
        .orElse(Map.of());
  }

  private static Optional<WorkerSpec.RankGroup> ranksOf(ModelConfig.Devices devices) {
    return devices.ranks() == 0
        ? Optional.empty()
        : devices
            .parallelType()
            .map(type -> new WorkerSpec.RankGroup(type, devices.ranks(), devices.torchrun()));
  }
}
