package org.tsnext.core.model;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the {@code models} property of config.properties says of one version of one model. Empty
 * values are not set there.
 *
 * @param runtime {@code python}, {@code python3} or {@code LSP}
 */
public record ModelOverrides(
    OptionalInt minWorkers,
    OptionalInt maxWorkers,
    OptionalInt batchSize,
    Optional<Duration> maxBatchDelay,
    Optional<Duration> responseTimeout,
    Optional<Duration> startupTimeout,
    Optional<String> runtime) {

  /** For a model that the property does not name. */
  public static final ModelOverrides NONE =
      new ModelOverrides(
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  public ModelOverrides {
    Objects.requireNonNull(minWorkers, "minWorkers");
    Objects.requireNonNull(maxWorkers, "maxWorkers");
    Objects.requireNonNull(batchSize, "batchSize");
    Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
    Objects.requireNonNull(responseTimeout, "responseTimeout");
    Objects.requireNonNull(startupTimeout, "startupTimeout");
    Objects.requireNonNull(runtime, "runtime");
  }
}
