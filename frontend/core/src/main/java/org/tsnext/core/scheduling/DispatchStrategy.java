package org.tsnext.core.scheduling;

import java.util.List;
import java.util.OptionalLong;
import org.tsnext.core.error.ServingException;

/** The requests that wait for a worker, and the rule by which they become batches. */
interface DispatchStrategy {

  /** Requests that wait. */
  int size();

  /** Why a new request finds no place now, or null. */
  ServingException refusal(QueuedRequest request, long now);

  /** Takes a new request that was not refused. */
  void add(QueuedRequest request, long now);

  /** Takes a request back whose worker was lost, in front of those of its kind. */
  void putBack(QueuedRequest request);

  /** Removes a request; does nothing if it does not wait here. */
  void remove(QueuedRequest request, long now);

  /** Removes and returns everything, because no worker will serve it. */
  List<QueuedRequest> takeAll();

  /**
   * Gives batches to workers until there are no more of the one or the other.
   *
   * @return when to call again if nothing happens before
   */
  OptionalLong dispatch(ReadyWorker[] workers, long now);

  /** The handler of {@code by} has ended sequences. */
  default void endSequences(QueuedRequest by, List<String> ids) {}

  /** A worker is done with a request, or lost with it. */
  default void settled(QueuedRequest request, long now) {}

  /** A batch is done, {@code nanos} after its worker could begin with it. */
  default void served(long nanos) {}

  /** After a fault: puts itself in order; what it takes out of its queues then fails. */
  default void mend() {}

  /** A worker gets no more batches. */
  default void onUnavailable(ReadyWorker worker) {}

  /** Of all workers with room, the one that will be free first; or null. */
  static ReadyWorker freest(ReadyWorker[] workers) {
    ReadyWorker best = null;
    for (ReadyWorker worker : workers) {
      if (worker.hasRoom() && (best == null || worker.isFreeBefore(best))) {
        best = worker;
      }
    }
    return best;
  }
}
