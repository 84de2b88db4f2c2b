package org.tsnext.core.model;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A registration. Empty values were not given by the caller; then the model's own configuration and
 * the server's defaults decide.
 *
 * @param synchronous whether the result waits for the workers to have loaded
 */
public record RegisterModel(
    Source source,
    Optional<String> modelName,
    Optional<String> handler,
    Optional<String> runtime,
    Requested requested,
    Origin origin,
    boolean synchronous) {

  /**
   * Where the model is.
   *
   * @param url a name in the model store, a path or a URL; {@code #sha256=<digest>} may follow
   * @param s3SseKms whether a download is signed with the server's AWS credentials
   */
  public record Source(String url, boolean s3SseKms) {

    public Source {
      Objects.requireNonNull(url, "url");
    }
  }

  /** The settings that a registration can name. */
  public record Requested(
      OptionalInt batchSize,
      Optional<Duration> maxBatchDelay,
      OptionalInt initialWorkers,
      Optional<Duration> responseTimeout,
      Optional<Duration> startupTimeout) {

    /** None of them. */
    public static final Requested NOTHING =
        new Requested(
            OptionalInt.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            Optional.empty(),
            Optional.empty());

    public Requested {
      Objects.requireNonNull(batchSize, "batchSize");
      Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
      Objects.requireNonNull(initialWorkers, "initialWorkers");
      Objects.requireNonNull(responseTimeout, "responseTimeout");
      Objects.requireNonNull(startupTimeout, "startupTimeout");
    }
  }

  /**
   * Who registers the model.
   *
   * @param trusted whether the operator named it at start-up
   * @param restored whether it was registered before, and a snapshot brings it back
   */
  public record Origin(boolean trusted, boolean restored) {

    /** A client of the management API. */
    public static final Origin CLIENT = new Origin(false, false);

    /** The operator, at start-up. */
    public static final Origin OPERATOR = new Origin(true, false);
  }

  public RegisterModel {
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(handler, "handler");
    Objects.requireNonNull(runtime, "runtime");
    Objects.requireNonNull(requested, "requested");
    Objects.requireNonNull(origin, "origin");
  }
}
