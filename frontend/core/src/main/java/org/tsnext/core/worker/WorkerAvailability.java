package org.tsnext.core.worker;

import java.util.List;
import java.util.Objects;

/**
 * Whether a model version has workers that serve now or will again.
 *
 * @param reason why all have failed, else empty
 */
public record WorkerAvailability(State state, String reason) {

  /** What can be expected. */
  public enum State {
    /** Scaled to zero. */
    NONE,
    /** Some worker serves, loads, or will be started again. */
    PRESENT,
    /** Every worker has used up its recovery window. */
    FAILED
  }

  public static final WorkerAvailability NONE = new WorkerAvailability(State.NONE, "");
  public static final WorkerAvailability PRESENT = new WorkerAvailability(State.PRESENT, "");

  public WorkerAvailability {
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(reason, "reason");
  }

  /** What the workers that are to stay amount to. */
  static WorkerAvailability of(List<WorkerSlot> staying, FailureLog failures) {
    if (staying.isEmpty()) {
      return NONE;
    }
    return staying.stream().allMatch(slot -> slot.is(WorkerState.FAILED))
        ? failed(failures.last().map(WorkerError::summary).orElse("unknown"))
        : PRESENT;
  }

  /** All workers are given up. */
  public static WorkerAvailability failed(String reason) {
    return new WorkerAvailability(State.FAILED, reason);
  }
}
