package org.tsnext.core.model;

import java.util.Objects;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** The requirements that the configuration of a model has to meet in order to be served. */
final class ServableModel {

  private final DeviceAssignment devices;

  ServableModel(DeviceAssignment devices) {
    this.devices = Objects.requireNonNull(devices, "devices");
  }

  /**
   * Checks the configuration of the model {@code name}.
   *
   * @throws ServingException naming the key that asks for what is not there
   */
  void require(String name, ModelConfig config, String runtime) {
    if (config.sequences().batching() && config.sequences().maxIdle().isZero()) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL,
          "Model "
              + name
              + " sets sequenceBatching without sequenceMaxIdleMSec, expected more than 0.");
    }
    if (config.sequences().batching() && config.requests().warmup().entries() > 0) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL,
          "Model "
              + name
              + " sets warmup beside sequenceBatching, but a warm-up belongs to no sequence; leave"
              + " out one of them.");
    }
    if (runtime.equals("LSP")) {
      throw new ServingException(
          ErrorKind.NOT_SUPPORTED,
          "Model %s asks for runtime LSP, but there is no C++ backend: export the model and use a Python handler; docs/plug-ins.md has how."
              .formatted(name));
    }
    if (config.workers().preloadModel()) {
      requirePreloadable(name, config);
    }
    if (config.devices().ranks() > 0) {
      requireRunnableByRanks(name, config);
    }
  }

  /** All processes of a worker run the same calls, one after the other, on this machine. */
  private static void requireRunnableByRanks(String name, ModelConfig config) {
    int nodes = config.devices().torchrun().nodes();
    if (nodes > 1) {
      throw new ServingException(
          ErrorKind.NOT_SUPPORTED,
          "Model %s sets torchrun.nnodes to %d, expected 1: the processes of a worker run on the machine of the server."
              .formatted(name, nodes));
    }
    String type = config.devices().parallelType().orElseThrow().yamlName();
    config
        .batching()
        .coroutineKey()
        .ifPresent(
            key -> {
              throw new ServingException(
                  ErrorKind.INVALID_MODEL,
                  "Model %s sets %s beside parallelType %s, but its processes have to run their calls in one order; leave out one of them."
                      .formatted(name, key, type));
            });
    refusePreload(
        name,
        config.workers().preloadModel(),
        "parallelType " + type + " gives each worker processes of its own that load the model");
  }

  /** A model on a GPU, or one that needs an event loop, cannot be shared by forks. */
  private void requirePreloadable(String name, ModelConfig config) {
    refusePreload(
        name,
        devices.usesGpu(config),
        "its workers run on GPUs, whose state a fork does not take along; set deviceType: cpu");
    config
        .batching()
        .coroutineKey()
        .ifPresent(
            key ->
                refusePreload(
                    name,
                    true,
                    key + " binds what the handler makes to the event loop of one process"));
    refusePreload(
        name,
        config.workers().start() == WorkerStart.SPAWN,
        "workerStart is spawn, which gives each worker a Python of its own; expected fork");
  }

  private static void refusePreload(String name, boolean impossible, String reason) {
    if (impossible) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL, "Model " + name + " sets preloadModel, but " + reason + ".");
    }
  }
}
