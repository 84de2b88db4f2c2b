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

  /** The worker has sent the response to an item, which its client gets if it waits for it. */
  void respond(Batch batch, QueuedRequest request, ResponseHead head, Object body) {
    batch.take(request);
    if (!request.hasEnded()) {
      ends.complete(request, head, body);
    }
  }

  /** The worker is done with an item, or with all (-1). Returns those that fail by it. */
  List<QueuedRequest> fail(
      Batch batch, int item, ServingException why, DispatchStrategy strategy, long now) {
    List<QueuedRequest> failed = new ArrayList<>(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      QueuedRequest request = item == -1 || item == i ? batch.openItem(i) : null;
      if (request != null) {
        batch.take(request);
        if (!request.hasEnded()) {
          ends.fail(request, why);
          failed.add(request);
        }
        strategy.settled(request, now);
      }
    }
    return failed;
  }

  void closeIfDone(Batch batch, DispatchStrategy strategy) {
    ReadyWorker worker = batch.worker();
    worker.noteServed();
    if (batch.isDone()) {
      long took = worker.close(batch);
      strategy.served(took);
      effects.served(took, batch.heldNanos());
      reportIfDrained(worker);
    }
  }

  void closeUnsent(Batch batch) {
    batch.worker().closeUnsent(batch);
    reportIfDrained(batch.worker());
  }

  /** Asks a worker for a batch that it has not begun. */
  void withdraw(Batch batch) {
    effects.withdraw(batch);
    batch.turn(Batch.Turn.WITHDRAWING);
  }

  /** The worker will not run a batch. Returns those of its requests that have not ended. */
  List<QueuedRequest> takeBack(Batch batch) {
    List<QueuedRequest> taken = new ArrayList<>(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      QueuedRequest request = batch.openItem(i);
      if (request != null) {
        batch.take(request);
        if (!request.hasEnded()) {
          taken.add(request);
        }
      }
    }
    closeUnsent(batch);
    return taken;
  }

  void drain(ReadyWorker worker, DispatchStrategy strategy) {
    worker.drain();
    strategy.onUnavailable(worker);
    reportIfDrained(worker);
  }

  /**
   * Takes a worker out. What is late or dead of it fails.
   *
   * @return what another worker is to run, in order
   */
  List<QueuedRequest> lose(
      ReadyWorker worker, boolean silent, boolean begun, DispatchStrategy strategy, long now) {
    if (silent) {
      effects.silent(worker);
    }
    worker.lose();
    workers = Arrays.stream(workers).filter(other -> other != worker).toArray(ReadyWorker[]::new);
    strategy.onUnavailable(worker);
    LostRequests lost = LostRequests.of(worker, policy, silent, begun, now - responseTimeoutNanos);
    lost.late().forEach(request -> ends.fail(request, refusals.responseTimeout()));
    lost.dead().forEach(request -> ends.fail(request, Refusals.workerDied(request)));
    lost.all().forEach(request -> strategy.settled(request, now));
    reportIfDrained(worker);
    return lost.again();
  }

  /** Whether a worker has a request. */
  boolean has(QueuedRequest request) {
    Batch batch = request.batch;
    return batch != null && !batch.worker().isLost() && batch.worker().open().contains(batch);
  }

  /** After a fault: forgets batches that are done, and workers that are lost. */
  void mend() {
    workers = Arrays.stream(workers).filter(one -> !one.isLost()).toArray(ReadyWorker[]::new);
    for (ReadyWorker worker : workers) {
      worker.open().removeIf(Batch::isDone);
      reportIfDrained(worker);
    }
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
        if (batch.lastResponseNanos - since > 0) {
          ends.arm(batch.lastResponseNanos + responseTimeoutNanos);
        } else if (request != null && !request.hasEnded()) {
          ends.fail(request, refusals.responseTimeout());
          effects.cancel(batch, 0);
        }
      }
    }
    return false;
  }

  private void reportIfDrained(ReadyWorker worker) {
    if (worker.isDraining() && worker.isIdle()) {
      effects.drained(worker);
    }
  }
}
