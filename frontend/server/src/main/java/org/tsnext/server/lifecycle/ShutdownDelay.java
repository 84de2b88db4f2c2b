package org.tsnext.server.lifecycle;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.model.Readiness;
import org.tsnext.core.time.Scheduler;

/**
 * The first step of a stop: the server is not ready any more, and serves on for as long as load
 * balancers need to take note. A start that was not over has no clients to wait for.
 */
public final class ShutdownDelay {
  private static final Logger LOGGER = LoggerFactory.getLogger(ShutdownDelay.class);

  private final Readiness readiness;
  private final Duration delay;
  private final Scheduler scheduler;

  /**
   * @param delay zero for none
   */
  public ShutdownDelay(Readiness readiness, Duration delay, Scheduler scheduler) {
    this.readiness = Objects.requireNonNull(readiness, "readiness");
    this.delay = Objects.requireNonNull(delay, "delay");
    this.scheduler = Objects.requireNonNull(scheduler, "scheduler");
  }

  /** Returns when the listeners may close. Blocks. */
  public void await() throws InterruptedException {
    if (readiness.beginDrain() && !delay.isZero()) {
      LOGGER.info(
          "Not ready any more; the listeners stay open for {} s (shutdown_delay_sec)",
          delay.toSeconds());
      CountDownLatch over = new CountDownLatch(1);
      Scheduler.Scheduled unused = scheduler.schedule(delay, over::countDown);
      over.await();
    }
  }
}
