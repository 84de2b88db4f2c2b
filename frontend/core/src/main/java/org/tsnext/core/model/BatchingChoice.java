package org.tsnext.core.model;

import java.time.Duration;
import java.util.Optional;
import org.tsnext.core.error.ServingException;

/** Chooses how the requests of a model version run together. */
final class BatchingChoice {

  private static final Duration DEFAULT_DELAY = Duration.ofMillis(100);

  private BatchingChoice() {}

  /**
   * Requests of a batch, at most. Coroutine handlers get their requests one by one, and run them
   * side by side.
   */
  static Choice<Integer> size(SettingSources sources) {
    Choice<Integer> size = askedSize(sources);
    return sources.config().batching().coroutineKey().map(key -> new Choice<>(1, key)).orElse(size);
  }

  private static Choice<Integer> askedSize(SettingSources sources) {
    Choice<Integer> size =
        Choice.of(
                sources.requestName(), Choice.boxed(sources.registration().requested().batchSize()))
            .or(Choice.MODEL_CONFIG, Choice.boxed(sources.config().batching().size()))
            .or(Choice.MODELS, Choice.boxed(sources.overrides().batchSize()))
            .orElse(Choice.DEFAULT, 1);
    if (size.value() < 1 || size.value() > ServingSettings.MAX_BATCH_SIZE) {
      throw new ServingException(
          SettingSources.kindFor(sources.registration().requested().batchSize().isPresent()),
          (sources.registration().requested().batchSize().isPresent() ? "batch_size" : "batchSize")
              + " is "
              + size.value()
              + ", expected 1 to "
              + ServingSettings.MAX_BATCH_SIZE
              + ".");
    }
    return size;
  }

  /** How long a batch that is not full waits, at most. */
  static Choice<Duration> maxDelay(SettingSources sources) {
    // A delay that is learned is a value, too, though it has no number.
    Optional<Duration> configured =
        sources.config().batching().adaptiveDelay()
            ? Optional.of(DEFAULT_DELAY)
            : sources.config().batching().maxDelay();
    Choice<Duration> delay =
        Choice.of(sources.requestName(), sources.registration().requested().maxBatchDelay())
            .or(Choice.MODEL_CONFIG, configured)
            .or(Choice.MODELS, sources.overrides().maxBatchDelay())
            .orElse(Choice.DEFAULT, DEFAULT_DELAY);
    if (delay.value().isNegative()
        || delay.value().compareTo(ServingSettings.MAX_BATCH_DELAY) > 0) {
      throw new ServingException(
          SettingSources.kindFor(sources.registration().requested().maxBatchDelay().isPresent()),
          "The maximum batch delay is "
              + delay.value().toMillis()
              + " ms, expected 0 to "
              + ServingSettings.MAX_BATCH_DELAY.toMillis()
              + " ms.");
    }
    return delay;
  }

  /** Whether the delay is learned: a registration that names one has it its way. */
  static boolean isAdaptive(SettingSources sources) {
    return sources.registration().requested().maxBatchDelay().isEmpty()
        && sources.config().batching().adaptiveDelay();
  }
}
