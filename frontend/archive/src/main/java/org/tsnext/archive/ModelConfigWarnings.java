package org.tsnext.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.archive.ModelConfig.DeviceType;

/** What a person should hear about a model-config.yaml that can be followed. */
final class ModelConfigWarnings {

  private static final String ASYNC =
      "asyncCommunication is true: the handler gets requests one by one";

  private final List<String> warnings = new ArrayList<>();

  private ModelConfigWarnings() {}

  /**
   * Values that are not taken as they stand, keys that look like another one, and keys that mean
   * nothing beside the others.
   */
  static List<String> of(ModelConfig config) {
    ModelConfigWarnings all = new ModelConfigWarnings();
    all.warnings.addAll(config.corrections());
    config.unknownKeys().forEach(all::misspelt);
    boolean async = config.asyncCommunication();
    all.noEffect(
        config.maxWorkers().isPresent() && config.minWorkers().isEmpty(),
        "maxWorkers",
        "minWorkers is not set");
    all.noEffect(async && config.batchSize().orElse(1) > 1, "batchSize", ASYNC);
    all.noEffect(async && config.continuousBatching(), "continuousBatching", ASYNC);
    all.noEffect(
        !config.deviceIds().isEmpty() && config.deviceType().equals(Optional.of(DeviceType.CPU)),
        "deviceIds",
        "deviceType is cpu");
    all.noEffect(
        config.parallelLevel() > 0 && config.parallelType().isEmpty(),
        "parallelLevel (or torchrun)",
        "parallelType is not set");
    if (!config.sequenceBatching()) {
      String reason = "sequenceBatching is not true";
      all.noEffect(!config.sequenceMaxIdle().isZero(), "sequenceMaxIdleMSec", reason);
      all.noEffect(!config.sequenceTimeout().isZero(), "sequenceTimeoutMSec", reason);
      all.noEffect(config.maxNumSequence() > 1, "maxNumSequence", reason);
      all.noEffect(config.maxSequenceJobQueueSize() > 1, "maxSequenceJobQueueSize", reason);
    }
    return List.copyOf(all.warnings);
  }

  /** Unknown keys that do not resemble a known one: presumably the handler's own. */
  static List<String> keysOfTheHandler(ModelConfig config) {
    return config.unknownKeys().stream()
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
