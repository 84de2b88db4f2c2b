package org.tsnext.core.inference;

import java.time.Duration;
import org.tsnext.core.time.Scheduler;

/**
 * One timer for many moments: armed for the earliest, looked at again when it fires. A moment that
 * goes away leaves it armed, so the hot path seldom touches the scheduler. Guarded by the
 * dispatcher's lock; its task must call {@link #fired} under it.
 */
final class LazyTimer {

  private final Scheduler scheduler;
  private final Runnable task;
  private Scheduler.Scheduled armed;
  private long dueNanos;

  LazyTimer(Scheduler scheduler, Runnable task) {
    this.scheduler = scheduler;
    this.task = task;
  }

  /** Makes sure that the task runs at {@code moment} or before. */
  void arm(long moment, long now) {
    if (armed != null) {
      if (dueNanos - moment <= 0) {
        return;
      }
      armed.cancel();
    }
    dueNanos = moment;
    armed = scheduler.schedule(Duration.ofNanos(Math.max(0, moment - now)), task);
  }

  void fired() {
    armed = null;
  }

  void cancel() {
    if (armed != null) {
      armed.cancel();
      armed = null;
    }
  }
}
