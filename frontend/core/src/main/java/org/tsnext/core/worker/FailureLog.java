package org.tsnext.core.worker;

import java.util.Optional;

/** The failures of one model version that are remembered. For any thread. */
public final class FailureLog {

  private volatile Optional<WorkerError> last = Optional.empty();
  private volatile Optional<WorkerError> lastLoad = Optional.empty();

  /** The newest failure of any worker, handler errors included. */
  public Optional<WorkerError> last() {
    return last;
  }

  /** The newest failure of a worker to come up with its model. */
  public Optional<WorkerError> lastLoad() {
    return lastLoad;
  }

  void add(WorkerError error) {
    last = Optional.of(error);
  }

  void addLoad(WorkerError error) {
    lastLoad = Optional.of(error);
  }
}
