package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.dsl.Disruptor;
import com.lmax.disruptor.dsl.ProducerType;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

/** The thread that writes lines sleeps when there are none, and misses none. */
public final class LineWaitTest {

  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final AtomicReference<Thread> writer = new AtomicReference<>();
  private AtomicInteger written;
  private final AtomicInteger flushed = new AtomicInteger();
  private volatile CountDownLatch enough;
  private Disruptor<int[]> lines;
  private RingBuffer<int[]> buffer;

  @BeforeMethod
  public void start() {
    written = new AtomicInteger();
    flushed.set(0);
    enough = new CountDownLatch(1);
    ThreadFactory threads =
        task -> {
          Thread thread = new Thread(task, "line-wait-test");
          thread.setDaemon(true);
          writer.set(thread);
          return thread;
        };
    lines =
        new Disruptor<>(
            () -> new int[1],
            1024,
            threads,
            ProducerType.MULTI,
            new LineWait(() -> flushed.set(written.get()), Duration.ofHours(1)));
    lines.handleEventsWith(
        (line, sequence, endOfBatch) -> {
          if (written.incrementAndGet() == line[0]) {
            enough.countDown();
          }
        });
    buffer = lines.start();
  }

  @AfterMethod(alwaysRun = true)
  public void end() {
    lines.halt();
  }

  /** Publishes a line that is the last of {@code total}. */
  private void publish(int total) {
    buffer.publishEvent((line, sequence) -> line[0] = total);
  }

  private void awaitSleep() throws InterruptedException {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    int seen = 0;
    // Between two looks it waits as well, for 50 ms: it sleeps if it does so for longer.
    while (seen < 150) {
      assertTrue(System.nanoTime() < deadline, "the writer goes on looking");
      seen = writer.get().getState() == Thread.State.TIMED_WAITING ? seen + 1 : 0;
      Thread.sleep(1);
    }
  }

  @Test
  public void aLineWakesTheWriterThatSleeps() throws InterruptedException {
    for (int i = 1; i <= 5; i++) {
      enough = new CountDownLatch(1);
      awaitSleep();
      publish(i);
      assertTrue(enough.await(LIMIT.toSeconds(), TimeUnit.SECONDS), "line " + i);
    }
  }

  @Test
  public void noLineOfSeveralThreadsIsMissedWheneverItComes() throws InterruptedException {
    int each = 200;
    Thread[] loggers = new Thread[4];
    int total = each * loggers.length;
    for (int i = 0; i < loggers.length; i++) {
      int pause = i;
      loggers[i] =
          new Thread(
              () -> {
                for (int line = 0; line < each; line++) {
                  publish(total);
                  // About as long as the writer looks before it sleeps: both happen at once.
                  LockSupport.parkNanos(line % 20 == 0 ? 151_000_000L + pause * 333_000L : 0);
                }
              });
      loggers[i].start();
    }
    for (Thread logger : loggers) {
      logger.join();
    }
    assertTrue(enough.await(LIMIT.toSeconds(), TimeUnit.SECONDS), written + " of " + total);
    assertEquals(written.get(), total);
  }

  @Test
  public void whatIsWrittenIsFlushedBeforeTheWriterSleeps() throws InterruptedException {
    for (int i = 1; i <= 3; i++) {
      publish(i);
      assertTrue(enough.await(LIMIT.toSeconds(), TimeUnit.SECONDS), "line " + i);
      awaitSleep();
      assertEquals(flushed.get(), i);
      enough = new CountDownLatch(1);
    }
  }

  @Test
  public void aWriterThatSleepsEndsWhenItIsToldTo() throws InterruptedException {
    awaitSleep();
    lines.halt();
    writer.get().join(LIMIT.toMillis());
    assertEquals(writer.get().getState(), Thread.State.TERMINATED);
  }
}
