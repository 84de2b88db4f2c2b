package org.tsnext.core.scheduling;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;

/**
 * Which worker gets the requests of which sequence. A sequence that has begun stays with its
 * worker; one that has not may change it.
 */
final class SequenceOwners {

  private final int batchSize;

  /** Those with a request and without a worker. */
  private final NavigableSet<Sequence> fresh = new TreeSet<>(Sequence.BY_NEXT_REQUEST);

  private final Map<ReadyWorker, WorkerSequences> owned = new HashMap<>();

  SequenceOwners(int batchSize) {
    this.batchSize = batchSize;
  }

  /** The sequences of a worker, or null if it has none. */
  WorkerSequences of(ReadyWorker worker) {
    return owned.get(worker);
  }

  /** The next request of a sequence could run now. */
  void addReady(Sequence sequence) {
    sequence.nextArrivalNanos = sequence.waiting().getFirst().arrivalNanos();
    if (sequence.owner == null) {
      fresh.add(sequence);
    } else {
      owned.get(sequence.owner).addReady(sequence);
    }
  }

  /** The request of a sequence that could run has left. */
  void removeReady(Sequence sequence) {
    if (sequence.owner == null) {
      fresh.remove(sequence);
    } else {
      owned.get(sequence.owner).removeReady(sequence);
    }
  }

  /** Forgets a sequence. */
  void remove(Sequence sequence) {
    fresh.remove(sequence);
    WorkerSequences share = sequence.owner == null ? null : owned.get(sequence.owner);
    if (share != null) {
      share.remove(sequence);
    }
  }

  /** Forgets all sequences. */
  void clear() {
    fresh.clear();
    owned.clear();
  }

  /** Forgets a worker; returns the sequences that end with it, or null. */
  WorkerSequences removeOwner(ReadyWorker worker) {
    WorkerSequences share = owned.remove(worker);
    if (share != null) {
      release(share);
    }
    return share;
  }

  /** Gives new sequences to workers that could take their requests now, the fewest first. */
  void choose(ReadyWorker[] workers) {
    for (ReadyWorker worker : workers) {
      WorkerSequences share = worker.hasRoom() ? null : owned.get(worker);
      if (share != null) {
        // What no worker knows yet need not wait for one that has no room any more.
        release(share);
      }
    }
    for (ReadyWorker best = best(workers); best != null && !fresh.isEmpty(); best = best(workers)) {
      Sequence sequence = fresh.pollFirst();
      sequence.owner = best;
      owned.computeIfAbsent(best, worker -> new WorkerSequences()).add(sequence);
    }
  }

  private void release(WorkerSequences share) {
    for (Sequence sequence : share.takeUnbegun()) {
      sequence.owner = null;
      fresh.add(sequence);
    }
  }

  private ReadyWorker best(ReadyWorker[] workers) {
    ReadyWorker best = null;
    for (ReadyWorker worker : workers) {
      if (worker.hasRoom()
          && readyOf(worker) < batchSize
          && (best == null || isBetter(worker, best))) {
        best = worker;
      }
    }
    return best;
  }

  private boolean isBetter(ReadyWorker worker, ReadyWorker other) {
    int count = ownedBy(worker);
    int othersCount = ownedBy(other);
    return count == othersCount ? worker.isFreeBefore(other) : count < othersCount;
  }

  private int ownedBy(ReadyWorker worker) {
    WorkerSequences share = owned.get(worker);
    return share == null ? 0 : share.owned().size();
  }

  private int readyOf(ReadyWorker worker) {
    WorkerSequences share = owned.get(worker);
    return share == null ? 0 : share.ready();
  }
}
