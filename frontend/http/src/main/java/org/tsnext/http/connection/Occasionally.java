package org.tsnext.http.connection;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.tsnext.core.time.Clock;

/** Counts what may happen very often, and says it once a second at most. Any thread. */
final class Occasionally {

  private static final long PAUSE_NANOS = Duration.ofSeconds(1).toNanos();

  private final Clock clock;
  private final LongConsumer say;
  private final AtomicLong unsaid = new AtomicLong();
  private final AtomicLong saidNanos;

  /**
   * @param say is told how often it has happened since it was told last
   */
  Occasionally(Clock clock, LongConsumer say) {
    this.clock = clock;
    this.say = say;
    this.saidNanos = new AtomicLong(clock.nanoTime() - PAUSE_NANOS);
  }

  void happened() {
    unsaid.incrementAndGet();
    long last = saidNanos.get();
    long now = clock.nanoTime();
    if (now - last >= PAUSE_NANOS && saidNanos.compareAndSet(last, now)) {
      say.accept(unsaid.getAndSet(0));
    }
  }
}
