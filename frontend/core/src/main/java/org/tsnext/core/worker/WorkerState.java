package org.tsnext.core.worker;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * Where a worker is on its way from start to stop. Any move that is not in the table is a fault of
 * ours.
 */
public enum WorkerState {
  /** A process was requested; it has not dialled in yet. */
  STARTING("WORKER_STARTED", "LOADING"),
  /** The process is connected and loads the model. */
  LOADING("WORKER_STARTED", "LOADING"),
  /** The model is loaded; the worker takes work. */
  READY("WORKER_MODEL_LOADED", "READY"),
  /** The worker is to go and finishes what it has. */
  DRAINING("WORKER_SCALED_DOWN", "UNLOADING"),
  /** The process was lost; another one is started when the delay has passed. */
  BACKOFF("WORKER_STOPPED", "FAILED"),
  /** Gone on purpose; final. */
  STOPPED("WORKER_SCALED_DOWN", "UNLOADING"),
  /** Lost, and not started again by itself: the recovery window is used up. */
  FAILED("WORKER_ERROR", "FAILED");

  private static final Map<WorkerState, Set<WorkerState>> LEGAL_MOVES =
      new EnumMap<>(
          Map.of(
              STARTING, EnumSet.of(LOADING, BACKOFF, FAILED, DRAINING),
              LOADING, EnumSet.of(READY, BACKOFF, FAILED, DRAINING),
              READY, EnumSet.of(BACKOFF, FAILED, DRAINING),
              DRAINING, EnumSet.of(STOPPED),
              BACKOFF, EnumSet.of(STARTING, FAILED, STOPPED),
              STOPPED, EnumSet.noneOf(WorkerState.class),
              FAILED, EnumSet.of(STARTING, STOPPED)));

  private final String shownState;
  private final String status;

  WorkerState(String shownState, String status) {
    this.shownState = shownState;
    this.status = status;
  }

  /** Whether {@code next} may follow. */
  public boolean canMoveTo(WorkerState next) {
    return LEGAL_MOVES.get(this).contains(next);
  }

  /** The state's name as TorchServe 0.12 calls it, in logs and descriptions. */
  public String shownState() {
    return shownState;
  }

  /** The {@code status} of model descriptions. */
  public String status() {
    return status;
  }
}
