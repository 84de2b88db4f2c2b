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

  /** What a model is for. Only models of their own are saved in snapshots. */
  public enum Part {
    /** It stands for itself. */
    MODEL,
    /** A node of a workflow. */
    WORKFLOW_MODEL,
    /** A node of a workflow that has no archive of its own, and is in no list. */
    WORKFLOW_FUNCTION
  }

  /**
   * Who registers the model.
   *
   * @param trusted whether the operator named it at start-up, or the server itself
   * @param restored whether it was registered before, and a snapshot brings it back
   * @param part what it is for
   */
  public record Origin(boolean trusted, boolean restored, Part part) {

    /** A client of the management API. */
    public static final Origin CLIENT = new Origin(false, false);

    /** The operator, at start-up. */
    public static final Origin OPERATOR = new Origin(true, false);

    /** A client that registers a workflow, for a node that is a model. */
    public static final Origin WORKFLOW_MODEL = new Origin(false, false, Part.WORKFLOW_MODEL);

    /** The server, for a node of a workflow that is a function of its handler file. */
    public static final Origin WORKFLOW_FUNCTION = new Origin(true, false, Part.WORKFLOW_FUNCTION);

    public Origin {
      Objects.requireNonNull(part, "part");
    }

    /** Of a model of its own. */
    public Origin(boolean trusted, boolean restored) {
      this(trusted, restored, Part.MODEL);
    }
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
