package org.tsnext.core.scheduling;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;

/**
 * One bounded queue for all workers: the one that will be free first gets the next batch. A batch
 * is ready when it is full, when its oldest request has waited for as long as the {@link
 * BatchDelay} says, or when waiting cannot fill it: with batch size 1, for a description, and with
 * a full queue. The next batch forms while the last one runs. A busy worker has it before it is
 * done, if it is full and batches are short: see {@link SentAhead}.
 */
final class SharedStrategy implements DispatchStrategy {

  private final RequestQueue queue;
  private final int batchSize;
  private final BatchDelay delay;
  private final Refusals refusals;
  private final Fleet fleet;
  private final SentAhead sentAhead;

  /** After {@link #ready} found none: when there will be one, if nothing else arrives. */
  private long readyAt;

  SharedStrategy(DispatchPolicy policy, BatchDelay delay, Refusals refusals, Fleet fleet) {
    this.queue = new RequestQueue(policy.queueCapacity());
    this.batchSize = policy.batchSize();
    this.delay = delay;
    this.refusals = refusals;
    this.fleet = fleet;
    this.sentAhead = new SentAhead(fleet);
  }

  @Override
  public int size() {
    return queue.size();
  }

  @Override
  public ServingException refusal(QueuedRequest request, long now) {
    return queue.isFull(request.kind()) ? refusals.queueFull(request, queue.size()) : null;
  }

  @Override
  public void add(QueuedRequest request, long now) {
    queue.addLast(request);
    delay.arrived(request.arrivalNanos());
  }

  @Override
  public void putBack(QueuedRequest request) {
    queue.addFirst(request);
  }

  @Override
  public void remove(QueuedRequest request, long now) {
    queue.remove(request);
  }

  @Override
  public List<QueuedRequest> takeAll() {
    List<QueuedRequest> taken = new ArrayList<>(queue.size());
    queue.drainTo(taken);
    return taken;
  }

  @Override
  public OptionalLong dispatch(ReadyWorker[] workers, long now) {
    OptionalLong next = give(workers, now);
    return workers.length > 1 ? sentAhead.withdraw(workers, next, now) : next;
  }

  private OptionalLong give(ReadyWorker[] workers, long now) {
    while (!queue.isEmpty()) {
      ReadyWorker worker = DispatchStrategy.freest(workers);
      if (worker == null) {
        return sendAhead(workers, now);
      }
      RequestKind kind = ready(now, isOnlyOneWithRoom(workers, worker));
      if (kind == null) {
        return OptionalLong.of(readyAt);
      }
      fleet.assign(worker, take(kind), now);
    }
    return OptionalLong.empty();
  }

  /** Gives busy workers the next batches while they run the last, if those batches are full. */
  private OptionalLong sendAhead(ReadyWorker[] workers, long now) {
    for (RequestKind kind = fullKind(); kind != null; kind = fullKind()) {
      ReadyWorker worker = SentAhead.firstDone(workers, now);
      if (worker == null) {
        break;
      }
      if (workers.length > 1 && worker.takesOneAt() - now > 0) {
        return OptionalLong.of(worker.takesOneAt());
      }
      fleet.assign(worker, take(kind), now);
    }
    return OptionalLong.empty();
  }

  /** The kind of a batch that no wait can make larger, the one with the oldest request; or null. */
  private RequestKind fullKind() {
    if (queue.oldest(RequestKind.DESCRIBE) != null) {
      return RequestKind.DESCRIBE;
    }
    QueuedRequest first = null;
    for (RequestKind kind : RequestQueue.KINDS) {
      if (queue.size(kind) >= batchSize) {
        first = older(queue.oldest(kind), first);
      }
    }
    return first == null ? null : first.kind();
  }

  /** The one that came first; {@code other} may be null. */
  private static QueuedRequest older(QueuedRequest one, QueuedRequest other) {
    return other == null || one.arrivalNanos() - other.arrivalNanos() < 0 ? one : other;
  }

  @Override
  public void served(long nanos) {
    delay.served(nanos);
  }

  /**
   * The kind of the batch that is ready: a description if one waits, since an operator asks for it;
   * else, of several, the kind with the oldest request; null if none is.
   *
   * @param lastWorker whether only one worker has room
   */
  private RequestKind ready(long now, boolean lastWorker) {
    if (queue.oldest(RequestKind.DESCRIBE) != null) {
      return RequestKind.DESCRIBE;
    }
    QueuedRequest first = null;
    boolean waits = false;
    for (RequestKind kind : RequestQueue.KINDS) {
      QueuedRequest oldest = queue.oldest(kind);
      if (oldest == null) {
        continue;
      }
      long moment = isFull(kind) ? now : leaveAt(kind, oldest, lastWorker, now);
      if (moment - now <= 0) {
        first = older(oldest, first);
      } else if (!waits || moment - readyAt < 0) {
        waits = true;
        readyAt = moment;
      }
    }
    return first == null ? null : first.kind();
  }

  private QueuedRequest[] take(RequestKind kind) {
    delay.left();
    int size = kind == RequestKind.DESCRIBE ? 1 : Math.min(batchSize, queue.size(kind));
    QueuedRequest[] requests = new QueuedRequest[size];
    for (int i = 0; i < size; i++) {
      requests[i] = queue.poll(kind);
    }
    return requests;
  }

  /** Whether waiting cannot make a batch of that kind larger. */
  private boolean isFull(RequestKind kind) {
    return batchSize == 1 || queue.size(kind) >= batchSize || queue.isFull(kind);
  }

  private long leaveAt(RequestKind kind, QueuedRequest oldest, boolean lastWorker, long now) {
    return delay.leaveAt(oldest.arrivalNanos(), queue.size(kind), lastWorker, now);
  }

  private static boolean isOnlyOneWithRoom(ReadyWorker[] workers, ReadyWorker worker) {
    for (ReadyWorker other : workers) {
      if (other != worker && other.hasRoom()) {
        return false;
      }
    }
    return true;
  }
}
