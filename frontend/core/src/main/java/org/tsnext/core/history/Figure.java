package org.tsnext.core.history;

/** What a version is sampled for. Each is over the last {@link ModelSampler#WINDOW}. */
public enum Figure {
  /** Requests that ended, a second. */
  RATE,
  /** Requests that ended in an error, the client's or the server's, a second. */
  ERRORS,
  /** Seconds within which half of the successful requests were answered, interpolated. */
  P50,
  /** Seconds within which 99 % of them were. */
  P99,
  /** Mean seconds that a request waited for a worker. */
  QUEUE_SECONDS,
  /** Mean seconds that a worker took for a batch, its connection included. */
  WORKER_SECONDS,
  /** What is left of the mean time of a request: its way through the server. */
  OTHER_SECONDS,
  /** Mean requests in a batch. */
  BATCH_SIZE,
  /** Batches that the workers may have at once, in all; now, not a mean. */
  WINDOW,
  /** Requests that wait; now, not a mean. */
  QUEUE_LENGTH,
  /** Workers that have the model loaded; now, not a mean. */
  READY_WORKERS
}
