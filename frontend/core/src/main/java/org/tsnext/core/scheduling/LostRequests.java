package org.tsnext.core.scheduling;

import java.util.ArrayList;
import java.util.List;

/**
 * What becomes of the requests that a lost worker had. Workers run their batches in order, so only
 * the oldest can have been begun, and only that counts as tried; where batches run side by side all
 * do.
 *
 * @param all of them, those that have ended before included
 * @param late the worker was silent on them for too long
 * @param dead tried too often, partly answered, or of a sequence that only the lost worker knew
 * @param again to be given to another worker, in order
 */
record LostRequests(
    List<QueuedRequest> all,
    List<QueuedRequest> late,
    List<QueuedRequest> dead,
    List<QueuedRequest> again) {

  /**
   * Takes everything from a worker.
   *
   * @param silent whether the worker was lost by being silent
   * @param begun whether it may have begun its oldest batch
   * @param since the moment since which it, or a batch of it, has been silent for too long
   */
  static LostRequests of(
      ReadyWorker worker, DispatchPolicy policy, boolean silent, boolean begun, long since) {
    LostRequests lost =
        new LostRequests(
            new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    Concurrency concurrency = Concurrency.of(policy);
    for (Batch batch : worker.open()) {
      boolean mayHaveBegun = policy.runsSideBySide() || (begun && concurrency.mayHaveBegun(batch));
      boolean tried = batch.isSent() && mayHaveBegun;
      boolean late = silent && concurrency.isSilentOn(batch, since);
      for (int item = 0; item < batch.size(); item++) {
        QueuedRequest request = batch.openItem(item);
        if (request != null) {
          batch.take(request);
          request.lostWorkers += tried ? 1 : 0;
          lost.add(request, late, policy);
        }
      }
    }
    worker.open().clear();
    return lost;
  }

  private void add(QueuedRequest request, boolean isLate, DispatchPolicy policy) {
    all.add(request);
    if (request.hasEnded()) {
      return;
    }
    boolean spent = request.lostWorkers > (policy.retryOnWorkerDeath() ? 1 : 0);
    if (isLate) {
      late.add(request);
    } else if (request.streaming || request.sequence != null || spent) {
      dead.add(request);
    } else {
      again.add(request);
    }
  }
}
