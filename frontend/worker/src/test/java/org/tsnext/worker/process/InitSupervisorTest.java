package org.tsnext.worker.process;

import static org.testng.Assert.assertEquals;

import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.worker.Condition;
import org.tsnext.worker.protocol.FrameLimits;

/** An {@code init} that ends is started again, whatever the start of the next one fails by. */
public class InitSupervisorTest {

  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final FrameLimits LIMITS = FrameLimits.of(1000, 1000);

  private final AtomicInteger starts = new AtomicInteger();
  private ExecutorService controlLoop;
  private ManualTime time;

  @BeforeMethod
  public void begin() {
    starts.set(0);
    time = new ManualTime();
    controlLoop = Executors.newSingleThreadExecutor();
  }

  @AfterMethod(alwaysRun = true)
  public void end() {
    controlLoop.shutdownNow();
  }

  @DataProvider
  static Object[][] failures() {
    return new Object[][] {
      {new OutOfMemoryError("unable to create native thread")},
      {new IllegalStateException("odd")},
      {new IOException("no such file")},
    };
  }

  @Test(dataProvider = "failures")
  public void startThatFailsIsTriedAgain(Throwable failure) throws Exception {
    InitSupervisor supervisor =
        new InitSupervisor(
            events -> start(failure, events),
            LIMITS,
            controlLoop,
            time,
            (source, stderr, lines) -> {},
            new ConcurrentHashMap<>());
    supervisor.start();
    awaitStarts(3);
    controlLoop.submit(supervisor::close).get();
    assertEquals(starts.get(), 3);
  }

  /** The first one ends at once, the second cannot be started, the third runs. */
  private InitProcess start(Throwable failure, InitProcess.Events events) throws IOException {
    return switch (starts.incrementAndGet()) {
      case 1 -> process("exit 0", events);
      case 2 -> failing(failure);
      default -> process("cat >/dev/null", events);
    };
  }

  private static InitProcess failing(Throwable failure) throws IOException {
    if (failure instanceof IOException problem) {
      throw problem;
    } else if (failure instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) failure;
  }

  private static InitProcess process(String script, InitProcess.Events events) throws IOException {
    Process shell = new ProcessBuilder("/bin/sh", "-c", script).start();
    return new InitProcess(shell, LIMITS, ByteBufAllocator.DEFAULT, events);
  }

  private void awaitStarts(int number) {
    Condition.await(
        LIMIT,
        () -> {
          time.advance(Duration.ofMillis(100));
          return starts.get() == number;
        },
        () -> starts + " starts");
  }
}
