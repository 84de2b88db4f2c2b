package org.tsnext.core.tracing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The moments of one request that is followed, because its client or an operator wants its times,
 * or because it is traced. Made by a transport. Thread-safe.
 *
 * <p>The requests that a workflow makes of one request share its timeline, and so do the requests
 * of one stream.
 */
public final class RequestTimeline {

  /** Of a stream of many requests the later ones are left out: it may go on for ever. */
  public static final int MAX_ATTEMPTS = 256;

  private final long startNanos;
  private final Optional<RequestTrace> trace;

  @GuardedBy("this")
  private final List<WorkerAttempt> attempts = new ArrayList<>();

  /**
   * Begins a timeline.
   *
   * @param startNanos when the head of the request came, by the clock
   * @param trace empty if it is not traced
   */
  public RequestTimeline(long startNanos, Optional<RequestTrace> trace) {
    this.startNanos = startNanos;
    this.trace = Objects.requireNonNull(trace, "trace");
  }

  /** When the head of the request came. */
  public long startNanos() {
    return startNanos;
  }

  /** Empty if it is not traced. */
  public Optional<RequestTrace> trace() {
    return trace;
  }

  /**
   * A worker is about to get the request.
   *
   * @param queuedNanos since when it has waited
   */
  public WorkerAttempt sent(FollowedBatch batch, int item, long queuedNanos) {
    String context = trace.map(RequestTrace::newHandlerContext).orElse("");
    WorkerAttempt attempt = new WorkerAttempt(this, batch, item, queuedNanos, context);
    synchronized (this) {
      if (attempts.size() < MAX_ATTEMPTS) {
        attempts.add(attempt);
      }
    }
    batch.add(attempt);
    return attempt;
  }

  /** The worker of an attempt has given the request back and not begun with it. */
  public synchronized void withdrawn(WorkerAttempt attempt) {
    attempts.remove(attempt);
  }

  /** Attempts so far, in order. */
  public synchronized List<WorkerAttempt> attempts() {
    return List.copyOf(attempts);
  }
}
