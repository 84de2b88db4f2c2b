package org.tsnext.core.scheduling;

import java.time.Duration;

/**
 * How long a batch that is not full waits for more requests. Times are those of the clock, in
 * nanoseconds.
 */
interface BatchDelay {

  /**
   * When a batch leaves that a free worker could have now. Asked again whenever a request comes or
   * a worker falls free, until a batch has {@link #left}.
   *
   * @param oldestArrival of its requests
   * @param waiting how many requests it has
   * @param lastWorker whether it would take the last free worker
   */
  long leaveAt(long oldestArrival, int waiting, boolean lastWorker, long now);

  /** A request came. */
  default void arrived(long now) {}

  /** A batch was given to a worker. */
  default void left() {}

  /** A batch was answered, so long after its worker could begin with it. */
  default void served(long serviceNanos) {}

  /** The wait that holds now, for descriptions. */
  Duration current();

  /** The one that a version asks for. */
  static BatchDelay of(DispatchPolicy policy) {
    return policy.adaptiveBatchDelay()
        ? new AdaptiveDelay(policy.batchSize())
        : fixed(policy.maxBatchDelay());
  }

  /** The oldest request waits so long since its arrival, whatever happens. */
  static BatchDelay fixed(Duration delay) {
    long nanos = delay.toNanos();
    return new BatchDelay() {
      @Override
      public long leaveAt(long oldestArrival, int waiting, boolean lastWorker, long now) {
        return oldestArrival + nanos;
      }

      @Override
      public Duration current() {
        return delay;
      }
    };
  }
}
