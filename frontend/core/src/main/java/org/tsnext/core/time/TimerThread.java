package org.tsnext.core.time;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The production scheduler: one daemon thread. Tasks that are cancelled leave the timer's memory at
 * once. A task that throws is logged and disturbs no other.
 */
public final class TimerThread implements Scheduler, AutoCloseable {

  private static final Logger LOGGER = LoggerFactory.getLogger(TimerThread.class);

  private final ScheduledThreadPoolExecutor timer;

  public TimerThread(String threadName) {
    timer =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, threadName);
              thread.setDaemon(true);
              return thread;
            });
    timer.setRemoveOnCancelPolicy(true);
    timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    timer.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
  }

  @Override
  public Scheduled schedule(Duration delay, Runnable task) {
    Future<?> scheduled =
        timer.schedule(() -> runLogged(task), delay.toNanos(), TimeUnit.NANOSECONDS);
    return () -> scheduled.cancel(false);
  }

  /** Drops all tasks that wait. */
  @Override
  public void close() {
    timer.shutdownNow();
  }

  private static void runLogged(Runnable task) {
    try {
      task.run();
    } catch (Throwable e) {
      LOGGER.error("A scheduled task failed", e);
    }
  }
}
