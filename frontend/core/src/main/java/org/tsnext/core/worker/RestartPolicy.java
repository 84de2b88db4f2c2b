package org.tsnext.core.worker;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * When a lost worker is started again: pure functions of the failures so far and the time.
 *
 * @param window recovery window: how long after the first failure attempts may still begin; zero
 *     means never
 */
public record RestartPolicy(Duration window) {

  private static final int MAX_DELAY_SECONDS = 1597;

  /** After this long a worker counts as sound, even if it had nothing to do. */
  static final Duration SOUND_AFTER = Duration.ofSeconds(30);

  public RestartPolicy {
    Objects.requireNonNull(window, "window");
  }

  /**
   * The wait before the next attempt: 0, 1, 1, 2, 3, 5, 8, ... seconds, cut to the end of the
   * window.
   *
   * @param failures in a row, at least 1
   * @return empty if the window has passed
   */
  public Optional<Duration> delay(int failures, long firstFailureNanos, long nowNanos) {
    Duration left = window.minusNanos(nowNanos - firstFailureNanos);
    if (left.isZero() || left.isNegative()) {
      return Optional.empty();
    }
    Duration delay = delayOf(failures);
    return Optional.of(delay.compareTo(left) < 0 ? delay : left);
  }

  /** Whether the window is still open. */
  public boolean isOpen(long firstFailureNanos, long nowNanos) {
    return window.compareTo(Duration.ofNanos(nowNanos - firstFailureNanos)) > 0;
  }

  static Duration delayOf(int failures) {
    int delay = 0;
    int next = 1;
    for (int i = 1; i < failures && delay < MAX_DELAY_SECONDS; i++) {
      int sum = delay + next;
      delay = next;
      next = sum;
    }
    return Duration.ofSeconds(delay);
  }
}
