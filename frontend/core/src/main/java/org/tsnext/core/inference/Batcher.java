package org.tsnext.core.inference;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.request.RequestKind;

/**
 * Decides when the requests that wait make a batch. A batch is ready when it is full, when its
 * oldest request has waited for the delay since its arrival, or when waiting cannot fill it: with
 * batch size 1, for a description, and with a full queue. It holds nothing itself, so that any
 * number of workers may be fed, and the next batch forms while the last one runs. Guarded by the
 * dispatcher's lock.
 */
final class Batcher {

  private final JobQueue queue;
  private final int batchSize;
  private final long delayNanos;

  Batcher(JobQueue queue, int batchSize, Duration delay) {
    this.queue = queue;
    this.batchSize = batchSize;
    this.delayNanos = delay.toNanos();
  }

  /** The kind of the batch that is ready; of several, the one with the oldest request. */
  Optional<RequestKind> ready(long now) {
    Call first = null;
    for (RequestKind kind : JobQueue.KINDS) {
      Call oldest = queue.oldest(kind);
      if (oldest != null
          && isReady(kind, oldest, now)
          && (first == null || oldest.arrivalNanos() - first.arrivalNanos() < 0)) {
        first = oldest;
      }
    }
    return first == null ? Optional.empty() : Optional.of(first.request().kind());
  }

  /**
   * When the next batch will be ready, if nothing else arrives.
   *
   * @throws IllegalStateException if nothing waits
   */
  long readyAt() {
    Call first = null;
    for (RequestKind kind : JobQueue.KINDS) {
      Call oldest = queue.oldest(kind);
      if (oldest != null && (first == null || oldest.arrivalNanos() - first.arrivalNanos() < 0)) {
        first = oldest;
      }
    }
    if (first == null) {
      throw new IllegalStateException("Nothing waits.");
    }
    return first.arrivalNanos() + delayNanos;
  }

  /**
   * Takes a batch off the queue. Requests that have ended meanwhile are dropped; the others are
   * held.
   *
   * @return perhaps empty
   */
  List<Call> take(RequestKind kind) {
    int most = kind == RequestKind.DESCRIBE ? 1 : Math.min(batchSize, queue.size(kind));
    if (most == 1) {
      Call call = queue.poll(kind);
      return call.hold() ? List.of(call) : List.of();
    }
    List<Call> calls = new ArrayList<>(most);
    while (calls.size() < most) {
      Call call = queue.poll(kind);
      if (call == null) {
        break;
      }
      if (call.hold()) {
        calls.add(call);
      }
    }
    return calls;
  }

  private boolean isReady(RequestKind kind, Call oldest, long now) {
    return batchSize == 1
        || kind == RequestKind.DESCRIBE
        || queue.size(kind) >= batchSize
        || queue.isFull()
        || now - oldest.arrivalNanos() >= delayNanos;
  }
}
