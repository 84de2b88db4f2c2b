package org.tsnext.core.concurrent;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Order, exclusion, re-entrancy, completeness and failure. */
public class SerialQueueTest {

  private static final int THREADS = 4;
  private static final int TASKS = 20_000;

  private final List<Throwable> failures = new ArrayList<>();
  private final List<String> log = new ArrayList<>();

  @Test
  public void addedTasksRunInOrderAtTheNextDrain() {
    SerialQueue queue = direct();
    queue.add(() -> log.add("a"));
    queue.add(() -> log.add("b"));
    assertEquals(log, List.of());
    queue.drain();
    assertEquals(log, List.of("a", "b"));
    queue.drain();
    assertEquals(log, List.of("a", "b"));
  }

  @Test
  public void taskThatATaskAddsRunsAfterIt() {
    SerialQueue queue = direct();
    queue.execute(
        () -> {
          queue.execute(() -> log.add("inner"));
          log.add("outer");
        });
    assertEquals(log, List.of("outer", "inner"));
  }

  @DataProvider
  public Object[][] throwables() {
    return new Object[][] {
      {new IllegalStateException("runtime")},
      {new AssertionError("error")},
      {new OutOfMemoryError("Cannot reserve direct buffer memory")},
      {new StackOverflowError()},
      {new LinkageError("class")},
      {new Exception("checked, thrown all the same")},
    };
  }

  @Test(dataProvider = "throwables")
  public void taskThatThrowsStopsNoOther(Throwable thrown) {
    SerialQueue queue = direct();
    queue.add(() -> SerialQueueTest.<RuntimeException>rethrow(thrown));
    queue.add(() -> log.add("next"));
    queue.drain();
    queue.execute(() -> log.add("later"));
    assertEquals(log, List.of("next", "later"));
    assertEquals(failures, List.of(thrown));
  }

  @Test(dataProvider = "throwables")
  public void failureHandlerThatThrowsStopsNoTask(Throwable thrown) {
    SerialQueue queue =
        new SerialQueue(
            Runnable::run, failure -> SerialQueueTest.<RuntimeException>rethrow(thrown));
    queue.add(
        () -> {
          throw new IllegalStateException("first");
        });
    queue.add(() -> log.add("next"));
    queue.drain();
    assertEquals(log, List.of("next"));
  }

  @Test(dataProvider = "throwables")
  public void executorThatThrowsHasTheTasksRunHere(Throwable thrown) {
    AtomicInteger calls = new AtomicInteger();
    SerialQueue queue =
        new SerialQueue(
            task -> {
              if (calls.incrementAndGet() == 1) {
                SerialQueueTest.<RuntimeException>rethrow(thrown);
              }
              task.run();
            },
            failures::add);
    queue.add(() -> log.add("a"));
    queue.execute(() -> log.add("b"));
    queue.execute(() -> log.add("c"));
    assertEquals(log, List.of("a", "b", "c"));
    assertEquals(calls.get(), 2, "the executor is asked again");
  }

  @Test
  public void executorThatRunsAndThrowsRunsNothingTwice() {
    SerialQueue queue =
        new SerialQueue(
            task -> {
              task.run();
              throw new RejectedExecutionException("after all");
            },
            failures::add);
    queue.execute(() -> log.add("a"));
    queue.execute(() -> log.add("b"));
    assertEquals(log, List.of("a", "b"));
  }

  @Test
  public void executorThatThrowsAndRunsLaterRunsNothingTwice() {
    Queue<Runnable> kept = new ArrayDeque<>();
    SerialQueue queue =
        new SerialQueue(
            task -> {
              kept.add(task);
              throw new RejectedExecutionException("kept");
            },
            failures::add);
    queue.execute(() -> log.add("a"));
    kept.forEach(Runnable::run);
    queue.execute(() -> log.add("b"));
    kept.forEach(Runnable::run);
    assertEquals(log, List.of("a", "b"));
  }

  @Test
  public void drainLeavesTheTasksToTheExecutor() {
    Queue<Runnable> asked = new ArrayDeque<>();
    SerialQueue queue = new SerialQueue(asked::add, failures::add);
    queue.execute(() -> log.add("a"));
    queue.execute(() -> log.add("b"));
    assertEquals(log, List.of());
    assertEquals(asked.size(), 1, "one turn for all of them");
    asked.remove().run();
    assertEquals(log, List.of("a", "b"));
  }

  @DataProvider
  public Object[][] executors() {
    AtomicInteger calls = new AtomicInteger();
    Consumer<Runnable> sometimes =
        task -> {
          if (calls.incrementAndGet() % 3 == 0) {
            throw new OutOfMemoryError("unable to create native thread");
          }
          task.run();
        };
    return new Object[][] {
      {"calling thread", (Consumer<Runnable>) Runnable::run, null},
      {"throws sometimes", sometimes, null},
      {"pool", null, Executors.newFixedThreadPool(2)},
    };
  }

  /** Every second task throws; no order of threads loses one, or runs two at once. */
  @Test(dataProvider = "executors", timeOut = 60_000)
  public void manyThreadsLoseNoTaskAndRunNoTwoAtOnce(
      String name, Consumer<Runnable> executor, ExecutorService pool) throws Exception {
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger overlaps = new AtomicInteger();
    AtomicInteger failed = new AtomicInteger();
    int[] last = new int[THREADS]; // not volatile: the queue makes it visible
    int[] ran = new int[1];
    Consumer<Throwable> onFailure = failure -> failed.incrementAndGet();
    SerialQueue queue = new SerialQueue(pool == null ? executor::accept : pool, onFailure);
    List<Thread> threads = new ArrayList<>();
    AtomicInteger disorder = new AtomicInteger();
    for (int t = 0; t < THREADS; t++) {
      int own = t;
      Thread thread =
          new Thread(
              () -> {
                for (int i = 1; i <= TASKS; i++) {
                  int number = i;
                  queue.add(
                      () -> {
                        if (inside.getAndIncrement() != 0) {
                          overlaps.incrementAndGet();
                        }
                        if (last[own] != number - 1) {
                          disorder.incrementAndGet();
                        }
                        last[own] = number;
                        ran[0]++;
                        inside.decrementAndGet();
                        if (number % 2 == 0) {
                          throw new AssertionError("task " + number);
                        }
                      });
                  queue.drain();
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    if (pool != null) {
      pool.shutdown();
      assertTrue(pool.awaitTermination(30, TimeUnit.SECONDS));
    }
    assertEquals(ran[0], THREADS * TASKS, name);
    assertEquals(List.of(overlaps.get(), disorder.get()), List.of(0, 0), name);
    assertEquals(failed.get(), THREADS * TASKS / 2, name);
  }

  @BeforeMethod
  public void forget() {
    failures.clear();
    log.clear();
  }

  private SerialQueue direct() {
    return new SerialQueue(Runnable::run, failures::add);
  }

  /** Throws what it is given, whatever its type. */
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  private static <T extends Throwable> void rethrow(Throwable thrown) throws T {
    throw (T) thrown;
  }
}
