package org.tsnext.core.worker;

import java.util.Objects;

/**
 * Whether a model version has workers that serve now or will again.
 *
 * @param reason why all have failed, else empty
 */
public record Workforce(State state, String reason) {

  /** What can be expected. */
  public enum State {
    /** Scaled to zero. */
    NONE,
    /** Some worker serves, loads, or will be started again. */
    PRESENT,
    /** Every worker has used up its recovery window. */
    FAILED
  }

  public static final Workforce NONE = new Workforce(State.NONE, "");
  public static final Workforce PRESENT = new Workforce(State.PRESENT, "");

  public Workforce {
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(reason, "reason");
  }

  /** All workers are given up. */
  public static Workforce failed(String reason) {
    return new Workforce(State.FAILED, reason);
  }
}
