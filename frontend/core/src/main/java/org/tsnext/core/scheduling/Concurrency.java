package org.tsnext.core.scheduling;

/** How a worker treats the batches that it has at the same time. */
enum Concurrency {

  /** It runs them one after the other, oldest first; the next one waits close by. */
  SEQUENTIAL {
    @Override
    Window window(DispatchPolicy policy) {
      return Window.adaptive();
    }

    @Override
    boolean hasTicket(ReadyWorker worker) {
      return !worker.isDraining() && worker.isIdle();
    }

    @Override
    boolean isFreeBefore(ReadyWorker one, ReadyWorker other) {
      return one.doneAt() - other.doneAt() < 0;
    }

    @Override
    boolean mayHaveBegun(Batch batch) {
      return batch == batch.worker().open().peekFirst();
    }

    @Override
    boolean isSilentOn(Batch batch, long since) {
      return mayHaveBegun(batch);
    }
  },

  /** It runs all of them side by side, each of one request and with its own response timeout. */
  CONCURRENT {
    @Override
    Window window(DispatchPolicy policy) {
      return Window.constant(policy.sideBySide());
    }

    @Override
    boolean hasTicket(ReadyWorker worker) {
      return worker.hasRoom();
    }

    @Override
    boolean isFreeBefore(ReadyWorker one, ReadyWorker other) {
      return one.openBatches() == other.openBatches()
          ? one.doneAt() - other.doneAt() < 0
          : one.openBatches() < other.openBatches();
    }

    @Override
    boolean mayHaveBegun(Batch batch) {
      return true;
    }

    @Override
    boolean isSilentOn(Batch batch, long since) {
      return batch.lastResponseNanos - since <= 0;
    }
  };

  static Concurrency of(DispatchPolicy policy) {
    return policy.runsSideBySide() ? CONCURRENT : SEQUENTIAL;
  }

  /** How many batches a worker may have. */
  abstract Window window(DispatchPolicy policy);

  /** Whether a worker admits one more request where requests may not wait. */
  abstract boolean hasTicket(ReadyWorker worker);

  /** Of two idle or two busy workers: whether the one comes before the other. */
  abstract boolean isFreeBefore(ReadyWorker one, ReadyWorker other);

  /** Whether the worker may have begun with an open batch, if it was sent. */
  abstract boolean mayHaveBegun(Batch batch);

  /** Of a worker that was silent for too long: whether an open batch is what it was silent on. */
  abstract boolean isSilentOn(Batch batch, long since);
}
