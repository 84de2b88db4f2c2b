package org.tsnext.core.scheduling;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/**
 * The ready workers of one model version, the batches that they have, and what they say of them.
 */
final class Fleet {

  private final DispatchPolicy policy;
  private final long responseTimeoutNanos;
  private final Effects effects;
  private final Refusals refusals;
  private final Ends ends;
  private ReadyWorker[] workers = {};

  Fleet(DispatchPolicy policy, Effects effects, Refusals refusals, Ends ends) {
    this.policy = policy;
    this.responseTimeoutNanos = policy.responseTimeout().toNanos();
    this.effects = effects;
    this.refusals = refusals;
    this.ends = ends;
  }

  /** Never changed, but replaced. */
  ReadyWorker[] workers() {
    return workers;
  }

  boolean isEmpty() {
    return workers.length == 0;
  }

  boolean isIdle() {
    for (ReadyWorker worker : workers) {
      if (!worker.isIdle()) {
        return false;
      }
    }
    return true;
  }

  /** Workers that would admit one more request where none may wait. */
  int tickets() {
    int tickets = 0;
    for (ReadyWorker worker : workers) {
      tickets += worker.hasTicket() ? 1 : 0;
    }
    return tickets;
  }

  void add(ReadyWorker worker) {
    ReadyWorker[] more = Arrays.copyOf(workers, workers.length + 1);
    more[workers.length] = worker;
    workers = more;
  }

  void assign(ReadyWorker worker, QueuedRequest[] requests, long now) {
    effects.send(worker.assign(requests, now));
    ends.arm(now + responseTimeoutNanos);
  }

  /** The worker is done with an item, whose request ends with it. */
  void finish(Batch batch, QueuedRequest request, DispatchStrategy strategy, long now) {
    batch.take(request);
    if (!request.ended) {
      ends.end(request);
    }
    strategy.settled(request, now);
  }

  /** The worker is done with an item, or with all (-1). Returns those that had no end before. */
  List<QueuedRequest> finishItems(Batch batch, int item, DispatchStrategy strategy, long now) {
    List<QueuedRequest> ended = new ArrayList<>(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      QueuedRequest request = item == -1 || item == i ? batch.openItem(i) : null;
      if (request != null) {
        if (!request.ended) {
          ended.add(request);
        }
        finish(batch, request, strategy, now);
      }
    }
    return ended;
  }

  void closeIfDone(Batch batch, DispatchStrategy strategy) {
    ReadyWorker worker = batch.worker();
    worker.noteServed();
    if (batch.isDone()) {
      long took = worker.close(batch);
      strategy.served(took);
      effects.served(took);
      reportIfDrained(worker);
    }
  }

  void closeUnsent(Batch batch) {
    batch.worker().closeUnsent(batch);
    reportIfDrained(batch.worker());
  }

  void drain(ReadyWorker worker, DispatchStrategy strategy) {
    worker.drain();
    strategy.retired(worker);
    reportIfDrained(worker);
  }

  /**
   * Takes a worker out.
   *
   * @return what becomes of its requests: those that are late or dead have ended, and are still to
   *     be told so
   */
  LostRequests lose(
      ReadyWorker worker, boolean silent, boolean begun, DispatchStrategy strategy, long now) {
    worker.lose();
    workers = Arrays.stream(workers).filter(other -> other != worker).toArray(ReadyWorker[]::new);
    strategy.retired(worker);
    LostRequests lost = LostRequests.of(worker, policy, silent, begun, now - responseTimeoutNanos);
    lost.all().forEach(request -> strategy.settled(request, now));
    lost.late().forEach(ends::end);
    lost.dead().forEach(ends::end);
    reportIfDrained(worker);
    return lost;
  }

  /** Says what has become of a lost worker and of its requests that have ended. */
  void tell(LostRequests lost) {
    if (lost.silent()) {
      effects.silent(lost.worker());
    }
    lost.late().forEach(request -> effects.fail(request, refusals.responseTimeout()));
    lost.dead().forEach(request -> effects.fail(request, Refusals.workerDied(request)));
  }

  /**
   * Ends what a worker was silent on for too long while it goes on with others: where batches run
   * side by side, each has its own time.
   *
   * @return whether it was silent altogether, and is to be given up
   */
  boolean isSilent(ReadyWorker worker, long now) {
    long since = now - responseTimeoutNanos;
    if (worker.isIdle()) {
      return false;
    }
    if (worker.silentSinceNanos() - since <= 0) {
      return true;
    }
    ends.arm(worker.silentSinceNanos() + responseTimeoutNanos);
    if (policy.runsSideBySide()) {
      for (Batch batch : worker.open()) {
        QueuedRequest request = batch.openItem(0);
        if (batch.lastHeardNanos - since > 0) {
          ends.arm(batch.lastHeardNanos + responseTimeoutNanos);
        } else if (request != null && !request.ended) {
          effects.cancel(batch, 0);
          ends.fail(request, refusals.responseTimeout());
        }
      }
    }
    return false;
  }

  /** Delivers the response to an item, or a chunk of it. */
  void deliver(QueuedRequest request, ResponseHead head, Object body, boolean last) {
    if (!last) {
      effects.chunk(request, head, body);
    } else if (request.streaming) {
      effects.endStream(request, body);
    } else {
      effects.complete(request, head, body);
    }
  }

  /** Fails requests that have ended. */
  void tell(List<QueuedRequest> ended, ServingException why) {
    ended.forEach(request -> effects.fail(request, why));
  }

  private void reportIfDrained(ReadyWorker worker) {
    if (worker.isDraining() && worker.isIdle()) {
      effects.drained(worker);
    }
  }
}
