package org.tsnext.server.tracing;

import java.time.Instant;
import org.tsnext.core.time.Clock;

/**
 * Moments of the clock as nanoseconds since 1970, by the wall clock as it was when a trace began:
 * so all spans of a trace fit together, whatever is done to that clock meanwhile.
 */
final class TraceClock {

  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final Clock clock;
  private final long beganEpoch;
  private final long beganNanos;

  TraceClock(Clock clock) {
    Instant now = clock.now();
    this.clock = clock;
    this.beganNanos = clock.nanoTime();
    this.beganEpoch = now.getEpochSecond() * NANOS_PER_SECOND + now.getNano();
  }

  /** Now, since 1970. */
  long now() {
    return epoch(clock.nanoTime());
  }

  /** A moment of the clock, since 1970. */
  long epoch(long nanos) {
    return beganEpoch + (nanos - beganNanos);
  }
}
