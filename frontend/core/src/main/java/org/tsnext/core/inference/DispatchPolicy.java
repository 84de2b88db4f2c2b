package org.tsnext.core.inference;

import java.time.Duration;
import java.util.Objects;

/**
 * How the requests of one model version are treated.
 *
 * @param clientTimeout limit of every request, zero for none
 * @param retryOnWorkerDeath whether a request whose worker died is given to another one, once
 * @param useJobTicket whether a request is accepted only while a worker is idle
 * @param async whether workers run batches side by side, each of one request
 */
public record DispatchPolicy(
    String modelName,
    String modelVersion,
    int batchSize,
    Duration maxBatchDelay,
    int queueCapacity,
    Duration responseTimeout,
    Duration clientTimeout,
    boolean retryOnWorkerDeath,
    boolean useJobTicket,
    boolean async) {

  public DispatchPolicy {
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(modelVersion, "modelVersion");
    Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
    Objects.requireNonNull(responseTimeout, "responseTimeout");
    Objects.requireNonNull(clientTimeout, "clientTimeout");
    if (batchSize < 1 || queueCapacity < 1) {
      throw new IllegalArgumentException(
          "batchSize " + batchSize + " and queueCapacity " + queueCapacity + " must be 1 or more.");
    }
  }
}
