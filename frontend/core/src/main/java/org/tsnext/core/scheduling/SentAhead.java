package org.tsnext.core.scheduling;

import java.util.OptionalLong;

/**
 * Batches that workers have while they run another one, so that they do not idle for a round trip
 * between the two. A worker that is the only one has the next batch at once. Of several, the one
 * that will be done first has it just before. If another worker then falls idle first, or the
 * running batch takes longer than predicted, the worker is asked for the other one, which waits
 * again, in front, once the worker has confirmed that it will not run it.
 */
final class SentAhead {

  private final Fleet fleet;

  SentAhead(Fleet fleet) {
    this.fleet = fleet;
  }

  /** Of busy workers that may have a batch ahead, the one that will be done first; or null. */
  static ReadyWorker firstDone(ReadyWorker[] workers, long now) {
    if (workers.length == 1) {
      return workers[0].takesOneAhead() ? workers[0] : null;
    }
    ReadyWorker first = null;
    for (ReadyWorker worker : workers) {
      boolean may = worker.takesOneJustInTime(now);
      if (may && (first == null || worker.doneAt() - first.doneAt() < 0)) {
        first = worker;
      }
    }
    return first;
  }

  /**
   * Asks workers for what they have ahead and do not come to: soon, if another worker has nothing
   * to do, else when they are late beyond doubt.
   *
   * @param next when to look at the queue again
   * @return when to look at the queue or at these again
   */
  OptionalLong withdraw(ReadyWorker[] workers, OptionalLong next, long now) {
    if (!isAnyAhead(workers)) {
      return next;
    }
    OptionalLong first = next;
    int wanted = wanted(workers);
    for (ReadyWorker worker : workers) {
      Batch batch = worker.ahead();
      if (batch == null) {
        continue;
      }
      long moment = worker.overdueAt(wanted > 0, now);
      if (moment - now <= 0) {
        fleet.withdraw(batch);
        wanted--;
      } else if (first.isEmpty() || moment - first.getAsLong() < 0) {
        first = OptionalLong.of(moment);
      }
    }
    return first;
  }

  private static boolean isAnyAhead(ReadyWorker[] workers) {
    for (ReadyWorker worker : workers) {
      if (worker.ahead() != null) {
        return true;
      }
    }
    return false;
  }

  /** Workers with nothing to do, less those for which a batch is on its way back. */
  private static int wanted(ReadyWorker[] workers) {
    int wanted = 0;
    for (ReadyWorker worker : workers) {
      wanted += worker.isIdle() && worker.hasRoom() ? 1 : 0;
      wanted -= worker.isWithdrawing() ? 1 : 0;
    }
    return wanted;
  }
}
