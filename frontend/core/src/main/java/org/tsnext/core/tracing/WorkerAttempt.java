package org.tsnext.core.tracing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Optional;

/**
 * One attempt of a worker at a request that is followed; a second one comes after a worker that was
 * lost. Moments are by the clock. Thread-safe.
 */
public final class WorkerAttempt {

  private final RequestTimeline timeline;
  private final FollowedBatch batch;
  private final int item;
  private final long queuedNanos;
  private final String handlerContext;

  @GuardedBy("this")
  private Optional<HandlerTime> handler = Optional.empty();

  @GuardedBy("this")
  private Optional<End> end = Optional.empty();

  /**
   * When the handler ran, as the worker's process tells: nanoseconds since 1970, of a clock of its
   * own.
   */
  public record HandlerTime(long beganEpochNanos, long endedEpochNanos) {

    /** How long it ran; never negative. */
    public long nanos() {
      return Math.max(0, endedEpochNanos - beganEpochNanos);
    }
  }

  /**
   * How an attempt ended.
   *
   * @param lost whether the worker was lost
   */
  public record End(long nanos, boolean lost) {}

  WorkerAttempt(
      RequestTimeline timeline,
      FollowedBatch batch,
      int item,
      long queuedNanos,
      String handlerContext) {
    this.timeline = timeline;
    this.batch = batch;
    this.item = item;
    this.queuedNanos = queuedNanos;
    this.handlerContext = handlerContext;
  }

  /** The request that it is about. */
  public RequestTimeline timeline() {
    return timeline;
  }

  public FollowedBatch batch() {
    return batch;
  }

  /** Position of the request in the batch. */
  public int item() {
    return item;
  }

  /** Since when the request waited. */
  public long queuedNanos() {
    return queuedNanos;
  }

  /** The {@code traceparent} of what the handler does; empty if the request is not traced. */
  public String handlerContext() {
    return handlerContext;
  }

  /** The worker has told when the handler ran; of several times the last counts. */
  public synchronized void handled(HandlerTime time) {
    handler = Optional.of(time);
  }

  /** Empty if the worker has not told. */
  public synchronized Optional<HandlerTime> handler() {
    return handler;
  }

  /** It has ended; of several times the first counts. */
  public synchronized void end(long nanos, boolean lost) {
    if (end.isEmpty()) {
      end = Optional.of(new End(nanos, lost));
    }
  }

  public synchronized Optional<End> end() {
    return end;
  }
}
