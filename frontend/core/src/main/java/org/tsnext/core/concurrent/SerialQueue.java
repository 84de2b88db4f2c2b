package org.tsnext.core.concurrent;

import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * A queue of tasks that run one at a time on the threads of an executor. All methods may be called
 * from any thread; none waits for a task that runs on another one.
 *
 * <ul>
 *   <li><b>Order.</b> Tasks run in the order in which they were added.
 *   <li><b>Exclusion.</b> No two tasks run at the same time. What one task wrote, the next one
 *       sees.
 *   <li><b>Re-entrancy.</b> A task may add tasks and drain: what it adds runs after it has
 *       returned, never inside it.
 *   <li><b>Completeness.</b> A task that was added before a call of {@link #drain} has run, runs,
 *       or will run without any further call.
 *   <li><b>Failure.</b> Whatever a task throws goes to the failure handler, and whatever that
 *       throws is dropped; the next task runs. An executor that throws, because it was shut down or
 *       has no thread left, has the tasks run on the thread that called {@link #drain}.
 * </ul>
 */
public final class SerialQueue {

  private final Executor executor;
  private final Consumer<Throwable> onFailure;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicReference<Turn> turn = new AtomicReference<>(Turn.NONE);
  private final Runnable takeTurn = this::takeTurn;

  /** Whether a thread runs the tasks. */
  private enum Turn {
    /** No thread does. */
    NONE,
    /** The executor was asked for one. */
    REQUESTED,
    /** One does, and looks for more tasks before it leaves. */
    TAKEN
  }

  /**
   * @param executor whose threads run the tasks
   * @param onFailure takes what a task throws, on the thread that ran it
   */
  public SerialQueue(Executor executor, Consumer<Throwable> onFailure) {
    this.executor = Objects.requireNonNull(executor, "executor");
    this.onFailure = Objects.requireNonNull(onFailure, "onFailure");
  }

  /** Adds a task, which runs after the next {@link #drain}. */
  void add(Runnable task) {
    tasks.add(task);
  }

  /** Adds a task and drains. */
  public void execute(Runnable task) {
    add(task);
    drain();
  }

  /** Sees to it that every task runs that was added before. */
  void drain() {
    if (tasks.isEmpty() || !turn.compareAndSet(Turn.NONE, Turn.REQUESTED)) {
      return;
    }
    try {
      executor.execute(takeTurn);
    } catch (Throwable e) {
      // Unless the executor ran it in spite of what it threw, or will: only one can take the turn.
      takeTurn();
    }
  }

  private void takeTurn() {
    if (turn.compareAndSet(Turn.REQUESTED, Turn.TAKEN)) {
      runAll();
    }
  }

  private void runAll() {
    do {
      for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
        run(task);
      }
      turn.set(Turn.NONE);
      // A task that was added before this moment may have been left to this thread.
    } while (!tasks.isEmpty() && turn.compareAndSet(Turn.NONE, Turn.TAKEN));
  }

  private void run(Runnable task) {
    try {
      task.run();
    } catch (Throwable failure) {
      try {
        onFailure.accept(failure);
      } catch (Throwable e) {
        // Nothing is left that could be told of it, and the next task must run all the same.
      }
    }
  }
}
