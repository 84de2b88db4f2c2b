package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.Property;
import org.apache.logging.log4j.core.config.xml.XmlConfiguration;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class ModelLogTest {
  private static final String NOTHING =
      "<Configuration><Loggers><Root level='info'/></Loggers></Configuration>";

  private Gate gate;
  private LoggerContext context;

  @BeforeMethod
  public void start() throws IOException {
    gate = new Gate();
    gate.start();
    context = new LoggerContext("test");
    context.start(
        new XmlConfiguration(
            context,
            new ConfigurationSource(
                new ByteArrayInputStream(NOTHING.getBytes(StandardCharsets.UTF_8)))));
    context.getConfiguration().getRootLogger().addAppender(gate, null, null);
    context.updateLoggers();
  }

  @AfterMethod
  public void stop() {
    gate.open.release(1_000_000);
    context.stop();
  }

  /** Keeps what it gets, and lets a line through for each permit. */
  private static final class Gate extends AbstractAppender {
    final Semaphore open = new Semaphore(0);
    final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    Gate() {
      super("gate", null, null, true, Property.EMPTY_ARRAY);
    }

    @Override
    public void append(LogEvent event) {
      open.acquireUninterruptibly();
      lines.add(
          event.getThreadName()
              + " "
              + event.getLevel()
              + " "
              + event.getMessage().getFormattedMessage());
    }
  }

  private ModelLog log(long limit) {
    return ModelLog.start(context.getLogger("MODEL_LOG"), () -> Long.MAX_VALUE, limit);
  }

  @Test
  public void eachLineIsLoggedOnceInItsOrderUnderItsWorker() {
    gate.open.release(1_000);
    ModelLog log = log(1 << 20);
    log.lines("W-9000-m_1.0", false, List.of("one", "{} two"));
    log.lines("W-9001-m_1.0", true, List.of("three"));
    log.lines("W-9000-m_1.0", false, List.of("four"));
    log.close();
    assertEquals(
        new ArrayList<>(gate.lines),
        List.of(
            "W-9000-m_1.0-stdout INFO one",
            "W-9000-m_1.0-stdout INFO {} two",
            "W-9001-m_1.0-stderr WARN three",
            "W-9000-m_1.0-stdout INFO four"));
  }

  @Test
  public void printingDoesNotWaitForTheDiskUntilMuchIsWaiting() throws InterruptedException {
    ModelLog log = log(10_000);
    for (int i = 0; i < 10; i++) {
      log.lines("W", false, List.of("x".repeat(900)));
    }
    Thread beyond = new Thread(() -> log.lines("W", false, List.of("y".repeat(900))));
    beyond.start();
    beyond.join(100);
    assertTrue(beyond.isAlive(), "more than the limit waits for room");
    gate.open.release(1_000);
    beyond.join(TimeUnit.SECONDS.toMillis(60));
    assertFalse(beyond.isAlive());
    log.close();
    assertEquals(gate.lines.size(), 11);
  }

  @Test
  public void lineLongerThanTheLimitIsLoggedToo() {
    gate.open.release(1_000);
    ModelLog log = log(100);
    log.lines("W", false, List.of("x".repeat(5_000)));
    log.lines("W", false, List.of("next"));
    log.close();
    assertEquals(gate.lines.size(), 2);
  }

  @Test
  public void roomThatIsKeptForOthersIsNotTaken() throws InterruptedException {
    gate.open.release(1_000);
    Semaphore room = new Semaphore(1);
    ModelLog log =
        ModelLog.start(context.getLogger("MODEL_LOG"), () -> room.tryAcquire() ? 1 : 0, 1 << 20);
    log.lines("W", false, List.of("one", "two", "three"));
    assertEquals(gate.lines.poll(60, TimeUnit.SECONDS), "W-stdout INFO one");
    assertEquals(gate.lines.size(), 0);
    room.release();
    assertEquals(gate.lines.poll(60, TimeUnit.SECONDS), "W-stdout INFO two");
    log.close();
    assertEquals(gate.lines.poll(60, TimeUnit.SECONDS), "W-stdout INFO three");
  }
}
