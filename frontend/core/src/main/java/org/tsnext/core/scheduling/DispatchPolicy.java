package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How the requests of one model version are treated.
 *
 * @param maxBatchDelay how long the oldest request of a batch that is not full waits
 * @param adaptiveBatchDelay whether that is learned instead
 * @param clientTimeout limit of every request, zero for none
 * @param retryOnWorkerDeath whether a request whose worker died is given to another one, once
 * @param useJobTicket whether a request is accepted only while a worker is idle
 * @param sideBySide batches that one worker runs side by side, each of one request; 0 if it runs
 *     batches one after the other
 * @param sequences present if requests belong to sequences, each of which sticks to a worker
 */
public record DispatchPolicy(
    String modelName,
    String modelVersion,
    int batchSize,
    Duration maxBatchDelay,
    boolean adaptiveBatchDelay,
    int queueCapacity,
    Duration responseTimeout,
    Duration clientTimeout,
    boolean retryOnWorkerDeath,
    boolean useJobTicket,
    int sideBySide,
    Optional<SequencePolicy> sequences) {

  /** Batches that a worker with a coroutine handler has at once. */
  public static final int ASYNC = 256;

  public DispatchPolicy {
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(modelVersion, "modelVersion");
    Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
    Objects.requireNonNull(responseTimeout, "responseTimeout");
    Objects.requireNonNull(clientTimeout, "clientTimeout");
    Objects.requireNonNull(sequences, "sequences");
    if (batchSize < 1 || queueCapacity < 1) {
      throw new IllegalArgumentException(
          "batchSize " + batchSize + " and queueCapacity " + queueCapacity + " must be 1 or more.");
    }
    if (sideBySide < 0 || (sideBySide > 0 && batchSize != 1)) {
      throw new IllegalArgumentException(
          "sideBySide is " + sideBySide + " with batchSize " + batchSize + ", expected 1.");
    }
  }

  boolean runsSideBySide() {
    return sideBySide > 0;
  }
}
