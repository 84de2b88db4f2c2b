package org.tsnext.worker;

import static org.testng.Assert.fail;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what other threads do. */
public final class Condition {

  private static final long POLL_MILLIS = 2;

  private Condition() {}

  public static void await(Duration limit, BooleanSupplier condition, Supplier<String> what) {
    long end = System.nanoTime() + limit.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        fail("not seen in " + limit.toSeconds() + " s: " + what.get());
      }
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        fail("interrupted");
      }
    }
  }
}
