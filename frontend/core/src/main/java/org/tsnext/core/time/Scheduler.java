package org.tsnext.core.time;

import java.time.Duration;

/** Runs tasks later, on a thread that must not block. */
public interface Scheduler {

  /** Runs {@code task} once after {@code delay}, unless it is cancelled first. */
  Scheduled schedule(Duration delay, Runnable task);

  /** A task that waits for its time. */
  interface Scheduled {
    /** Does nothing if the task has run. */
    void cancel();
  }
}
