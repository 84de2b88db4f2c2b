package org.tsnext.core.model;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.error.Sentences;
import org.tsnext.core.worker.FleetView;
import org.tsnext.core.worker.Recovery;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerState;
import org.tsnext.core.worker.WorkerView;

/**
 * How a model version is, and why.
 *
 * @param readyWorkers workers that have the model loaded and take work
 * @param reason why it is not {@link State#READY}, in a sentence; else empty
 * @param recovery of all workers that failed together: most failures in a row, the first of them,
 *     the nearest attempt. Empty if none is failing
 */
public record Diagnosis(State state, int readyWorkers, String reason, Optional<Recovery> recovery) {

  /** The state of a version, derived from those of its workers. */
  public enum State {
    /** As many workers as there should be have the model loaded. */
    READY,
    /** Some have, but fewer than there should be. */
    DEGRADED,
    /** None has yet; they are on their way up for the first time. */
    LOADING,
    /** None has; they failed, and are started again by themselves. */
    RECOVERING,
    /** All have failed and are not started again by themselves. */
    FAILED,
    /** None is asked for. */
    NO_WORKERS,
    /** It is being unregistered. */
    UNLOADING,
    /** Its Python packages are being installed; it is not registered yet. */
    INSTALLING
  }

  public Diagnosis {
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(recovery, "recovery");
  }

  static Diagnosis of(FleetView fleetView, boolean leaving) {
    List<WorkerView> staying = fleetView.workers().stream().filter(Diagnosis::stays).toList();
    int ready = count(staying, WorkerState.READY);
    Optional<Recovery> recovery = recoveryOf(staying);
    State state = stateOf(fleetView, leaving, staying, ready, recovery.isPresent());
    return new Diagnosis(state, ready, reasonOf(state, fleetView, staying, ready), recovery);
  }

  private static State stateOf(
      FleetView fleetView, boolean leaving, List<WorkerView> staying, int ready, boolean failing) {
    if (leaving) {
      return State.UNLOADING;
    }
    if (staying.isEmpty()) {
      return State.NO_WORKERS;
    }
    if (ready > 0) {
      return ready >= fleetView.min() ? State.READY : State.DEGRADED;
    }
    if (count(staying, WorkerState.FAILED) == staying.size()) {
      return State.FAILED;
    }
    return failing ? State.RECOVERING : State.LOADING;
  }

  private static String reasonOf(
      State state, FleetView fleetView, List<WorkerView> staying, int ready) {
    String loaded = ready + " of " + fleetView.min() + " workers have the model loaded";
    String last = causeOf(staying).map(text -> "; " + text).orElse("");
    return switch (state) {
      case READY -> "";
      case DEGRADED, LOADING, RECOVERING -> Sentences.ended(loaded + last);
      case FAILED ->
          Sentences.ended(
              loaded
                  + ", and automatic restarts have ended (maxRetryTimeoutInSec); scaling starts the"
                  + " workers again"
                  + last);
      case NO_WORKERS -> "It is scaled to 0 workers.";
      case UNLOADING -> "It is being unregistered.";
      case INSTALLING -> "Its packages are being installed.";
    };
  }

  /** Why workers are not up that should be, in the words that refused requests get, too. */
  static Optional<String> causeOf(List<WorkerView> workers) {
    return WorkerError.newest(
            workers.stream()
                .filter(worker -> stays(worker) && isFailing(worker))
                .flatMap(worker -> worker.lastError().stream()))
        .map(WorkerError::summary);
  }

  private static Optional<Recovery> recoveryOf(List<WorkerView> staying) {
    return staying.stream()
        .filter(Diagnosis::isFailing)
        .map(worker -> worker.history().recovery())
        .flatMap(Optional::stream)
        .reduce(Diagnosis::worst);
  }

  private static Recovery worst(Recovery one, Recovery other) {
    Optional<Instant> next =
        one.nextAttempt()
            .map(
                moment ->
                    other.nextAttempt().filter(earlier -> earlier.isBefore(moment)).orElse(moment))
            .or(other::nextAttempt);
    return new Recovery(
        Math.max(one.failures(), other.failures()),
        one.since().isBefore(other.since()) ? one.since() : other.since(),
        next);
  }

  private static boolean isFailing(WorkerView worker) {
    return worker.history().recovery().isPresent() && worker.state() != WorkerState.READY;
  }

  private static boolean stays(WorkerView worker) {
    return worker.state() != WorkerState.DRAINING && worker.state() != WorkerState.STOPPED;
  }

  private static int count(List<WorkerView> workers, WorkerState state) {
    return (int) workers.stream().filter(worker -> worker.state() == state).count();
  }
}
