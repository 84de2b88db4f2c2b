package org.tsnext.transport;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Counts what may happen very often, and says it once a second at most. Any thread. */
public final class RateLimitedReport {

  private static final long PAUSE_NANOS = Duration.ofSeconds(1).toNanos();

  private final LongSupplier nanoTime;
  private final LongConsumer say;
  private final AtomicLong unsaid = new AtomicLong();
  private final AtomicLong saidNanos;

  /**
   * Nothing has happened yet.
   *
   * @param nanoTime a monotonic clock
   * @param say is told how often it has happened since it was told last
   */
  public RateLimitedReport(LongSupplier nanoTime, LongConsumer say) {
    this.nanoTime = nanoTime;
    this.say = say;
    this.saidNanos = new AtomicLong(nanoTime.getAsLong() - PAUSE_NANOS);
  }

  /** Says so now, or together with later ones. */
  public void happened() {
    unsaid.incrementAndGet();
    long last = saidNanos.get();
    long now = nanoTime.getAsLong();
    if (now - last >= PAUSE_NANOS && saidNanos.compareAndSet(last, now)) {
      say.accept(unsaid.getAndSet(0));
    }
  }
}
