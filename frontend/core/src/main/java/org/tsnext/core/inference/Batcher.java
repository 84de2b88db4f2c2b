package org.tsnext.core.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.request.RequestKind;

/**
 * Decides when the requests that wait make a batch. A batch is ready when it is full, when its
 * oldest request has waited for as long as the {@link BatchDelay} says, or when waiting cannot fill
 * it: with batch size 1, for a description, and with a full queue. It holds nothing itself, so that
 * any number of workers may be fed, and the next batch forms while the last one runs. Guarded by
 * the dispatcher's lock.
 */
final class Batcher {

  private final JobQueue queue;
  private final int batchSize;
  private final BatchDelay delay;

  /** Of the last look; see {@link #readyAt()}. */
  private long readyAt;

  Batcher(JobQueue queue, int batchSize, BatchDelay delay) {
    this.queue = queue;
    this.batchSize = batchSize;
    this.delay = delay;
  }

  /**
   * The kind of the batch that is ready: a description if one waits, since an operator asks for it;
   * else, of several, the kind with the oldest request.
   *
   * @param lastWorker whether only one worker is free
   */
  Optional<RequestKind> ready(long now, boolean lastWorker) {
    if (queue.oldest(RequestKind.DESCRIBE) != null) {
      return Optional.of(RequestKind.DESCRIBE);
    }
    Call first = null;
    boolean waits = false;
    for (RequestKind kind : JobQueue.KINDS) {
      Call oldest = queue.oldest(kind);
      if (oldest == null) {
        continue;
      }
      long moment = isFull(kind) ? now : leaveAt(kind, oldest, lastWorker, now);
      if (moment - now <= 0) {
        if (first == null || oldest.arrivalNanos() - first.arrivalNanos() < 0) {
          first = oldest;
        }
      } else if (!waits || moment - readyAt < 0) {
        waits = true;
        readyAt = moment;
      }
    }
    return first == null ? Optional.empty() : Optional.of(first.request().kind());
  }

  /** After {@link #ready} found none: when there will be one, if nothing else arrives. */
  long readyAt() {
    return readyAt;
  }

  /**
   * Takes a batch off the queue. Requests that have ended meanwhile are dropped; the others are
   * held.
   *
   * @return perhaps empty
   */
  List<Call> take(RequestKind kind) {
    delay.left();
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

  /** Whether waiting cannot make a batch of that kind larger. */
  private boolean isFull(RequestKind kind) {
    return batchSize == 1 || queue.size(kind) >= batchSize || queue.isFull(kind);
  }

  private long leaveAt(RequestKind kind, Call oldest, boolean lastWorker, long now) {
    return delay.leaveAt(oldest.arrivalNanos(), queue.size(kind), lastWorker, now);
  }
}
