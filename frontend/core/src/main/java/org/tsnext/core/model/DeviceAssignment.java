package org.tsnext.core.model;

import java.util.List;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.Devices;
import org.tsnext.core.settings.WorkerRange;

/** Assigns the GPUs of the machine to model versions. */
final class DeviceAssignment {

  private static final Logger LOGGER = LoggerFactory.getLogger(DeviceAssignment.class);

  private final int gpuCount;

  DeviceAssignment(int gpuCount) {
    this.gpuCount = gpuCount;
  }

  boolean usesGpu(ModelConfig config) {
    return gpuCount > 0 && config.devices().type().orElse(DeviceType.GPU) == DeviceType.GPU;
  }

  /** The devices of a model with that configuration. */
  Devices of(String name, ModelConfig config) {
    return usesGpu(config) ? new Devices(true, own(name, config), perWorker(config)) : Devices.CPU;
  }

  private static int perWorker(ModelConfig config) {
    return config.devices().parallelType().isPresent() ? config.devices().parallelLevel() : 0;
  }

  /** As many workers as there are devices for. */
  static WorkerRange limit(String name, WorkerRange wanted, Devices devices) {
    int each = devices.perWorker();
    if (each == 0) {
      return wanted;
    }
    int most = devices.own().size() / each;
    if (most == 0) {
      throw new ServingException(
              ErrorKind.NOT_ENOUGH_DEVICES,
              "No enough gpu devices for model:%s parallelLevel:%d".formatted(name, each))
          .withDetail("It may use " + devices.own().size() + " GPUs.");
    }
    if (wanted.max() > most) {
      LOGGER.warn(
          "Model {}: {} workers at most, since each takes {} of {} GPUs",
          name,
          most,
          each,
          devices.own().size());
    }
    return new WorkerRange(Math.min(wanted.min(), most), Math.min(wanted.max(), most));
  }

  /**
   * One id that does not exist voids the list, as in TorchServe 0.12. Empty to share the GPUs of
   * all; a model whose workers take several has all for itself.
   */
  private List<Integer> own(String name, ModelConfig config) {
    boolean valid = config.devices().ids().stream().allMatch(id -> id >= 0 && id < gpuCount);
    if (!valid) {
      LOGGER.warn(
          "Model {}: deviceIds {} is ignored: expected numbers below {}, the number of GPUs",
          name,
          config.devices().ids(),
          gpuCount);
    }
    if (valid && !config.devices().ids().isEmpty()) {
      return config.devices().ids();
    }
    boolean groups = perWorker(config) > 0;
    return groups ? IntStream.range(0, gpuCount).boxed().toList() : List.of();
  }
}
