package org.tsnext.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.archive.ModelConfig.DeviceType;

/** What a person should hear about a model-config.yaml that can be followed. */
public final class ModelConfigWarnings {

  private final List<String> warnings = new ArrayList<>();

  private ModelConfigWarnings() {}

  /**
   * Values that are not taken as they stand, keys that look like another one, and keys that mean
   * nothing beside the others.
   */
  public static List<String> of(ModelConfig config) {
    ModelConfigWarnings all = new ModelConfigWarnings();
    all.warnings.addAll(config.findings().corrections());
    config.findings().unknownKeys().forEach(all::misspelt);
    Optional<String> coroutine = config.batching().coroutineKey();
    boolean async = coroutine.isPresent();
    String oneByOne = coroutine.orElse("") + " is set: the handler gets requests one by one";
    all.noEffect(
        config.workers().max().isPresent() && config.workers().min().isEmpty(),
        "maxWorkers",
        "minWorkers is not set");
    all.noEffect(async && config.batching().size().orElse(1) > 1, "batchSize", oneByOne);
    all.noEffect(async && config.batching().continuous(), "continuousBatching", oneByOne);
    all.noEffect(
        !config.devices().ids().isEmpty()
            && config.devices().type().equals(Optional.of(DeviceType.CPU)),
        "deviceIds",
        "deviceType is cpu");
    all.noEffect(
        config.devices().parallelLevel() > 0 && config.devices().parallelType().isEmpty(),
        "parallelLevel (or torchrun)",
        "parallelType is not set");
    all.noEffect(
        config.devices().parallelLevel() == 0 && config.devices().parallelType().isPresent(),
        "parallelType",
        "neither parallelLevel nor torchrun.nproc-per-node is set");
    if (!config.sequences().batching()) {
      String reason = "sequenceBatching is not true";
      all.noEffect(!config.sequences().maxIdle().isZero(), "sequenceMaxIdleMSec", reason);
      all.noEffect(!config.sequences().timeout().isZero(), "sequenceTimeoutMSec", reason);
      all.noEffect(config.sequences().maxNumber() > 1, "maxNumSequence", reason);
      all.noEffect(config.sequences().queueCapacity() > 1, "maxSequenceJobQueueSize", reason);
    }
    return List.copyOf(all.warnings);
  }

  /** Unknown keys that do not resemble a known one: presumably the handler's own. */
  static List<String> keysOfTheHandler(ModelConfig config) {
    return config.findings().unknownKeys().stream()
        .filter(key -> ModelConfigKeys.suggestionFor(key).isEmpty())
        .toList();
  }

  private void misspelt(String key) {
    ModelConfigKeys.suggestionFor(key)
        .ifPresent(
            meant ->
                warnings.add(
                    "model-config.yaml has the key '"
                        + key
                        + "', which only the handler may know; did you mean '"
                        + meant
                        + "'?"));
  }

  private void noEffect(boolean given, String key, String reason) {
    if (given) {
      warnings.add("model-config.yaml: " + key + " has no effect, since " + reason);
    }
  }
}
