package org.tsnext.core.worker;

import java.time.Duration;

/**
 * How often a worker whose requests fail is replaced: pure functions. None of them ever gives a
 * worker up, and none counts against the recovery window, which is for workers that do not come up.
 */
final class ReplacementPolicy {

  private static final Duration FIRST_PAUSE = Duration.ofSeconds(10);
  private static final Duration MAX_PAUSE = Duration.ofMinutes(30);
  private static final Duration MAX_DELAY = Duration.ofSeconds(30);

  /** After this long without another one, earlier replacements count no more. */
  static final Duration FORGOTTEN_AFTER = Duration.ofHours(1);

  private ReplacementPolicy() {}

  /**
   * How long a new process serves before failures in a row may replace it again: 0, 10, 20, 40 ...
   * seconds. So a client whose requests all fail cannot keep a worker from serving others.
   *
   * @param replacements for failures in a row so far
   */
  static Duration pause(int replacements) {
    if (replacements == 0) {
      return Duration.ZERO;
    }
    Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(replacements - 1, 20));
    return pause.compareTo(MAX_PAUSE) < 0 ? pause : MAX_PAUSE;
  }

  /**
   * How long to wait before a process that can serve no more is followed by another: 0, 1, 1, 2, 3,
   * 5 ... seconds.
   *
   * @param useless such processes in a row that had answered no request, this one included; 0 if
   *     this one had
   */
  static Duration delay(int useless) {
    Duration delay = useless == 0 ? Duration.ZERO : RestartPolicy.delayOf(useless);
    return delay.compareTo(MAX_DELAY) < 0 ? delay : MAX_DELAY;
  }
}
