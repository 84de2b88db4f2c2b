package org.tsnext.core.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * What becomes of the requests that a lost worker had. Workers run their batches in order, so only
 * the oldest can have been begun, and only that counts as tried; where batches run side by side all
 * do.
 *
 * @param late the worker was silent on them for too long
 * @param dead tried too often, partly answered, or of a sequence that only the lost worker knew
 * @param again to be given to another worker, in order
 */
record LostWork(List<Call> late, List<Call> dead, List<Call> again) {

  /**
   * Takes every open item out of {@code batches}, oldest first. Under the dispatcher's lock.
   *
   * @param begun whether the oldest can have been begun
   */
  static LostWork of(
      Iterable<Batch> batches, DispatchPolicy policy, boolean begun, Predicate<Batch> overdue) {
    LostWork work = new LostWork(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    boolean oldest = begun;
    for (Batch batch : batches) {
      boolean tried = (oldest || policy.runsSideBySide()) && batch.isWritten();
      boolean late = overdue.test(batch);
      oldest = false;
      for (Call call : batch.takeAll()) {
        if (tried) {
          call.deaths++;
        }
        if (late) {
          work.late().add(call);
        } else if (call.streaming || call.sequence != null || isSpent(call, policy)) {
          work.dead().add(call);
        } else {
          work.again().add(call);
        }
      }
    }
    return work;
  }

  private static boolean isSpent(Call call, DispatchPolicy policy) {
    return call.deaths > (policy.retryOnWorkerDeath() ? 1 : 0);
  }
}
