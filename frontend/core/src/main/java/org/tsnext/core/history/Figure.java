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
  /** Mean seconds that a request waited for a worker, or in it for the batch before its own. */
  QUEUE_SECONDS,
  /** Mean seconds that the handler ran for a batch; those of the worker where it tells none. */
  HANDLER_SECONDS,
  /** What is left of the mean time of a request: its way through the server and to the worker. */
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
