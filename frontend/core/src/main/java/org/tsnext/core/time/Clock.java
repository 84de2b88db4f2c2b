package org.tsnext.core.time;

import java.time.Instant;

/** The one source of time. Lengths and deadlines use {@link #nanoTime()}, which never goes back. */
public interface Clock {

  /** Monotonic nanoseconds from an arbitrary origin. */
  long nanoTime();

  /** Wall-clock time, for people to read. */
  Instant now();

  /** The machine's clock. */
  static Clock system() {
    return new Clock() {
      @Override
      public long nanoTime() {
        return System.nanoTime();
      }

      @Override
      public Instant now() {
        return Instant.now();
      }
    };
  }
}
