package org.tsnext.core.worker;

import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * Whether a model version has workers that serve now or will again.
 *
 * @param reason why none serves although there should be some, else empty
 * @param nextAttemptNanos when the next worker is started again, by the core's clock; empty while
 *     an attempt is under way, and if none is to come
 */
public record WorkerAvailability(State state, String reason, OptionalLong nextAttemptNanos) {

  /** What can be expected. */
  public enum State {
    /** Scaled to zero. */
    NONE,
    /** Some worker serves, loads, or will be started again. */
    PRESENT,
    /** No worker could load the model, for an error of Python; they are started again. */
    LOAD_FAILED,
    /** Every worker has used up its recovery window. */
    FAILED
  }

  public static final WorkerAvailability NONE =
      new WorkerAvailability(State.NONE, "", OptionalLong.empty());
  public static final WorkerAvailability PRESENT =
      new WorkerAvailability(State.PRESENT, "", OptionalLong.empty());

  public WorkerAvailability {
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(nextAttemptNanos, "nextAttemptNanos");
  }

  /** What the workers that are to stay amount to. */
  static WorkerAvailability of(List<WorkerSlot> staying) {
    if (staying.isEmpty()) {
      return NONE;
    }
    if (staying.stream().allMatch(slot -> slot.is(WorkerState.FAILED))) {
      return failed(causeOf(staying));
    }
    // A worker that has not tried yet, or whose process was lost, may load it.
    if (staying.stream().allMatch(slot -> slot.loadFailed || slot.is(WorkerState.FAILED))) {
      return loadFailed(causeOf(staying), nextAttempt(staying));
    }
    return PRESENT;
  }

  /** All workers are given up. */
  public static WorkerAvailability failed(String reason) {
    return new WorkerAvailability(State.FAILED, reason, OptionalLong.empty());
  }

  /** No worker could load the model, and all that are not given up try again. */
  public static WorkerAvailability loadFailed(String reason, OptionalLong nextAttemptNanos) {
    return new WorkerAvailability(State.LOAD_FAILED, reason, nextAttemptNanos);
  }

  private static String causeOf(List<WorkerSlot> slots) {
    return WorkerError.newest(slots.stream().flatMap(slot -> slot.lastError.stream()))
        .map(WorkerError::summary)
        .orElse("unknown");
  }

  private static OptionalLong nextAttempt(List<WorkerSlot> staying) {
    if (staying.stream().anyMatch(WorkerSlot::isComingUp)) {
      return OptionalLong.empty();
    }
    return staying.stream()
        .flatMapToLong(slot -> slot.restartAtNanos.stream())
        .reduce((one, other) -> one - other < 0 ? one : other);
  }
}
