package org.tsnext.transport;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.util.function.LongSupplier;

/**
 * When an event loop has nothing to do, it sleeps, and being woken takes tens of microseconds: more
 * than everything else a small request costs. So while events keep coming at short intervals, the
 * loop polls for the next one a moment longer, and yields its CPU between polls. A loop with less
 * to do sleeps at once. For one event loop, and its thread alone.
 */
final class BriefSpin implements SelectStrategy {

  /** The mean time without an event up to which looking pays. */
  static final long SHORT_WAIT_NANOS = 100_000;

  /** How long to look at most. */
  static final long SPIN_NANOS = 150_000;

  /** A wait counts as no longer than this, so that a quiet time is soon forgotten. */
  static final long MAX_COUNTED_NANOS = 1_000_000;

  private static final double WEIGHT = 0.125;

  private final LongSupplier nanoTime;
  private final Runnable pause;
  private boolean waiting;
  private boolean asleep;
  private long waitingSince;
  private double meanWaitNanos = MAX_COUNTED_NANOS;

  /**
   * @param nanoTime a monotonic clock, in nanoseconds
   * @param pause called between two looks
   */
  BriefSpin(LongSupplier nanoTime, Runnable pause) {
    this.nanoTime = nanoTime;
    this.pause = pause;
  }

  @Override
  public int calculateStrategy(IntSupplier look, boolean hasTasks) throws Exception {
    long now = nanoTime.getAsLong();
    if (asleep || (hasTasks && waiting)) {
      // What woke the loop has been dealt with since, which is a small part of the wait.
      endWait(now);
    }
    if (hasTasks) {
      return look.get();
    }
    if (!waiting) {
      waiting = true;
      waitingSince = now;
    }
    if (meanWaitNanos > SHORT_WAIT_NANOS || now - waitingSince > SPIN_NANOS) {
      asleep = true;
      return SELECT;
    }
    int events = look.get();
    if (events > 0) {
      endWait(now);
      return events;
    }
    pause.run();
    return CONTINUE;
  }

  private void endWait(long now) {
    long took = Math.min(now - waitingSince, MAX_COUNTED_NANOS);
    meanWaitNanos += WEIGHT * (took - meanWaitNanos);
    waiting = false;
    asleep = false;
  }
}
