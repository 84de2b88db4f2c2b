package org.tsnext.core.model;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A registration. Empty values were not given by the caller; then the model's own configuration and
 * the server's defaults decide.
 *
 * @param url a name in the model store, a path or a URL; {@code #sha256=<digest>} may follow
 * @param s3SseKms whether a download is signed with the server's AWS credentials
 * @param trusted whether the operator named the model at start-up
 * @param restored whether it was registered before, and a snapshot brings it back
 * @param synchronous whether the result waits for the workers to have loaded
 */
public record RegisterModel(
    String url,
    Optional<String> modelName,
    Optional<String> handler,
    Optional<String> runtime,
    OptionalInt batchSize,
    Optional<Duration> maxBatchDelay,
    OptionalInt initialWorkers,
    Optional<Duration> responseTimeout,
    Optional<Duration> startupTimeout,
    boolean synchronous,
    boolean s3SseKms,
    boolean trusted,
    boolean restored) {

  public RegisterModel {
    Objects.requireNonNull(url, "url");
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(handler, "handler");
    Objects.requireNonNull(runtime, "runtime");
    Objects.requireNonNull(batchSize, "batchSize");
    Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
    Objects.requireNonNull(initialWorkers, "initialWorkers");
    Objects.requireNonNull(responseTimeout, "responseTimeout");
    Objects.requireNonNull(startupTimeout, "startupTimeout");
  }

  /** A registration that no snapshot brings back. */
  public RegisterModel(
      String url,
      Optional<String> modelName,
      Optional<String> handler,
      Optional<String> runtime,
      OptionalInt batchSize,
      Optional<Duration> maxBatchDelay,
      OptionalInt initialWorkers,
      Optional<Duration> responseTimeout,
      Optional<Duration> startupTimeout,
      boolean synchronous,
      boolean s3SseKms,
      boolean trusted) {
    this(
        url,
        modelName,
        handler,
        runtime,
        batchSize,
        maxBatchDelay,
        initialWorkers,
        responseTimeout,
        startupTimeout,
        synchronous,
        s3SseKms,
        trusted,
        false);
  }
}
