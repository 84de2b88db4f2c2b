package org.tsnext.core.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;

/**
 * A clock that stands still until a test moves it, and the scheduler that goes with it: tasks run
 * on the thread that calls {@link #advance}, in the order of their times.
 */
public final class ManualTime implements Clock, Scheduler {

  private final List<Task> tasks = new ArrayList<>();
  private long nanos = 1_000_000_000L;
  private long sequence;

  @Override
  public synchronized long nanoTime() {
    return nanos;
  }

  @Override
  public synchronized Instant now() {
    return Instant.ofEpochSecond(1_700_000_000L).plusNanos(nanos);
  }

  @Override
  public synchronized Scheduled schedule(Duration delay, Runnable action) {
    Task task = new Task(nanos + Math.max(0, delay.toNanos()), sequence++, action);
    tasks.add(task);
    return () -> remove(task);
  }

  /** Moves the clock, running what falls due on the way, each task at its own time. */
  public void advance(Duration by) {
    long target = nanoTime() + by.toNanos();
    for (Optional<Task> next = takeDue(target); next.isPresent(); next = takeDue(target)) {
      next.get().action().run();
    }
    setNanos(target);
  }

  /** Runs what is due now, without moving the clock. */
  public void runDue() {
    advance(Duration.ZERO);
  }

  /** How many tasks wait. */
  public synchronized int pending() {
    return tasks.size();
  }

  /** Whether a task falls due within a time from now. */
  public synchronized boolean isDueWithin(Duration limit) {
    return tasks.stream().anyMatch(task -> task.due() - nanos <= limit.toNanos());
  }

  private synchronized void setNanos(long target) {
    nanos = Math.max(nanos, target);
  }

  private synchronized void remove(Task task) {
    tasks.remove(task);
  }

  private synchronized Optional<Task> takeDue(long target) {
    Optional<Task> next =
        tasks.stream()
            .filter(task -> task.due() <= target)
            .min(Comparator.comparingLong(Task::due).thenComparingLong(Task::sequence));
    next.ifPresent(
        task -> {
          tasks.remove(task);
          nanos = Math.max(nanos, task.due());
        });
    return next;
  }

  private record Task(long due, long sequence, Runnable action) {}
}
