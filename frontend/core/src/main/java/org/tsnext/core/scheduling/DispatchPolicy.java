package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.Timeouts;
import org.tsnext.core.settings.VersionId;

/**
 * How the requests of one model version are treated.
 *
 * @param retryOnWorkerDeath whether a request whose worker died is given to another one, once
 * @param sideBySide batches that one worker runs side by side, each of one request; 0 if it runs
 *     batches one after the other
 * @param sequences present if requests belong to sequences, each of which sticks to a worker
 */
public record DispatchPolicy(
    VersionId id,
    Batching batching,
    QueueLimits queueLimits,
    Timeouts timeouts,
    boolean retryOnWorkerDeath,
    int sideBySide,
    Optional<SequencePolicy> sequences) {

  /** Batches that a worker with a coroutine handler has at once, unless it says how many. */
  public static final int ASYNC = 256;

  public DispatchPolicy {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(batching, "batching");
    Objects.requireNonNull(queueLimits, "queueLimits");
    Objects.requireNonNull(timeouts, "timeouts");
    Objects.requireNonNull(sequences, "sequences");
    int batchSize = batching.size();
    int queueCapacity = queueLimits.capacity();
    if (batchSize < 1 || queueCapacity < 1) {
      throw new IllegalArgumentException(
          "batchSize " + batchSize + " and queueCapacity " + queueCapacity + " must be 1 or more.");
    }
    if (sideBySide < 0 || (sideBySide > 0 && batchSize != 1)) {
      throw new IllegalArgumentException(
          "sideBySide is " + sideBySide + " with batchSize " + batchSize + ", expected 1.");
    }
  }

  public String modelName() {
    return id.name();
  }

  public String modelVersion() {
    return id.version();
  }

  public int batchSize() {
    return batching.size();
  }

  public Duration maxBatchDelay() {
    return batching.maxDelay();
  }

  public boolean adaptiveBatchDelay() {
    return batching.adaptiveDelay();
  }

  public int queueCapacity() {
    return queueLimits.capacity();
  }

  public boolean useJobTicket() {
    return queueLimits.useJobTicket();
  }

  public Duration responseTimeout() {
    return timeouts.response();
  }

  public Duration clientTimeout() {
    return timeouts.client();
  }

  boolean runsSideBySide() {
    return sideBySide > 0;
  }
}
