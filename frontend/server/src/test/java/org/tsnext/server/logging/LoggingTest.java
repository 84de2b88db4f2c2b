package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.Appender;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.appender.AsyncAppender;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.config.AppenderRef;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.Property;
import org.apache.logging.log4j.core.config.xml.XmlConfiguration;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.SimpleMessage;
import org.apache.logging.log4j.status.StatusData;
import org.apache.logging.log4j.status.StatusListener;
import org.apache.logging.log4j.status.StatusLogger;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class LoggingTest {
  private Path folder;

  @BeforeMethod
  public void makeFolder() throws IOException {
    folder = Files.createTempDirectory("tsnext-logs");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** Starts logging from a file's text, apart from the logging of this test run. */
  private LoggerContext start(String xml) throws IOException {
    LoggerContext context = new AsyncLoggerContext("test");
    context.start(
        new XmlConfiguration(
            context,
            new ConfigurationSource(
                new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8)))));
    return context;
  }

  private String defaults() throws IOException {
    try (var in = Logging.class.getResourceAsStream("/log4j2.xml")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .replaceAll("\\$\\{env:[A-Z]+_LOCATION:-logs}", folder.toString())
          .replace("${sys:tsnext.console:-all}", "off");
    }
  }

  private List<String> lines(String file) throws IOException {
    return Files.readAllLines(folder.resolve(file));
  }

  @Test
  public void eachLineIsOnceInTsLogAndOnceInItsOwnFile() throws IOException {
    LoggerContext context = start(defaults());
    context.getLogger("org.tsnext.core.Worker").debug("a move");
    context.getLogger("io.netty.util").info("not wanted");
    context.getLogger("some.library").info("news");
    context.getLogger("ACCESS_LOG").info("an access");
    context.getLogger("MODEL_LOG").warn("from stderr");
    context.getLogger("TS_METRICS").info("a metric");
    context.getLogger("MODEL_METRICS").info("a model metric");
    context.stop();
    String prefix = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d,\\d{3}";
    assertEquals(lines("ts_log.log").size(), 6, lines("ts_log.log").toString());
    assertMatches(
        prefix + " \\[DEBUG\\] .* org\\.tsnext\\.core\\.Worker - a move",
        lines("ts_log.log").get(0));
    assertMatches(prefix + " - an access", only("access_log.log"));
    assertMatches(prefix + " \\[WARN \\] .* MODEL_LOG - from stderr", only("model_log.log"));
    assertMatches(prefix + " - a metric", only("ts_metrics.log"));
    assertMatches(prefix + " - a model metric", only("model_metrics.log"));
  }

  @Test
  public void fullFileIsPackedUnderANameOfItsOwnAndTheOldestGo() throws IOException {
    LoggerContext context = start(defaults().replace("100 MB", "4 KB"));
    for (int i = 0; i < 2_000; i++) {
      context
          .getLogger("ACCESS_LOG")
          .info("line {} of about one hundred bytes {}", i, "x".repeat(60));
    }
    context.stop();
    List<String> packed;
    try (var files = Files.list(folder)) {
      packed =
          files
              .map(path -> path.getFileName().toString())
              .filter(name -> name.startsWith("access_log."))
              .filter(name -> !name.equals("access_log.log"))
              .toList();
    }
    assertTrue(packed.size() >= 5 && packed.size() <= 11, packed.toString());
    for (String name : packed) {
      assertMatches("access_log\\.\\d{4}-\\d\\d-\\d\\d\\.\\d+\\.log\\.gz", name);
      try (var lines = new GZIPInputStream(Files.newInputStream(folder.resolve(name)))) {
        assertTrue(new String(lines.readAllBytes(), StandardCharsets.UTF_8).contains("line "));
      }
    }
    assertTrue(Files.size(folder.resolve("access_log.log")) <= 5_000);
  }

  @Test
  public void lineReachesTheFileWithoutFurtherOnes() throws Exception {
    LoggerContext context = start(defaults());
    try {
      context.getLogger("MODEL_LOG").info("at once");
      long limit = System.nanoTime() + 60_000_000_000L;
      while (lines("model_log.log").isEmpty() && System.nanoTime() < limit) {
        Thread.onSpinWait();
      }
      assertTrue(only("model_log.log").endsWith("MODEL_LOG - at once"));
    } finally {
      context.stop();
    }
  }

  @Test
  public void threadNameIsThatOfTheMomentOfEachLine() throws IOException {
    LoggerContext context = start(defaults());
    Logging.nameThreadsByLine(context);
    Thread thread = Thread.currentThread();
    String before = thread.getName();
    try {
      thread.setName("W-9000-digits_1.0-stdout");
      context.getLogger("MODEL_LOG").info("of one worker");
      thread.setName("W-9001-digits_1.0-stderr");
      context.getLogger("MODEL_LOG").warn("of another");
    } finally {
      thread.setName(before);
      context.stop();
    }
    assertMatches(
        ".* W-9000-digits_1\\.0-stdout MODEL_LOG - of one worker", lines("model_log.log").get(0));
    assertMatches(
        ".* W-9001-digits_1\\.0-stderr MODEL_LOG - of another", lines("model_log.log").get(1));
  }

  @Test
  public void flushWritesWhatAFileStillHolds() throws IOException {
    // Without asynchronous loggers no line is known to be the last, so none is written by itself.
    LoggerContext context = new LoggerContext("held");
    context.start(
        new XmlConfiguration(
            context,
            new ConfigurationSource(
                new ByteArrayInputStream(defaults().getBytes(StandardCharsets.UTF_8)))));
    try {
      context.getLogger("MODEL_METRICS").info("a model metric");
      assertEquals(lines("model_metrics.log"), List.of());
      Logging.flush(context);
      assertTrue(only("model_metrics.log").endsWith(" - a model metric"));
    } finally {
      context.stop();
    }
  }

  @Test
  public void oldLoggerNameHoldsForOurs() throws IOException {
    LoggerContext context =
        start(
            """
            <Configuration><Appenders>
              <File name="file" fileName="%s/own.log"><PatternLayout pattern="%%m%%n"/></File>
            </Appenders><Loggers>
              <Root level="error"/>
              <Logger name="org.pytorch.serve" level="warn" additivity="false">
                <AppenderRef ref="file"/>
              </Logger>
            </Loggers></Configuration>
            """
                .formatted(folder));
    Logging.adopt(context);
    context.getLogger("org.tsnext.core.Worker").warn("kept");
    context.getLogger("org.tsnext.core.Worker").info("dropped");
    context.getLogger("org.pytorch.serve.wlm").warn("kept too");
    context.stop();
    assertEquals(lines("own.log"), List.of("kept", "kept too"));
  }

  @Test
  public void ourOwnLoggerNameWins() throws IOException {
    LoggerContext context =
        start(
            """
            <Configuration><Loggers>
              <Root level="error"/>
              <Logger name="org.pytorch.serve" level="off"/>
              <Logger name="org.tsnext" level="trace"/>
            </Loggers></Configuration>
            """);
    Logging.adopt(context);
    assertEquals(context.getLogger("org.tsnext.http").getLevel(), Level.TRACE);
    context.stop();
  }

  @Test
  public void withoutOldLoggerNameNothingChanges() throws IOException {
    LoggerContext context =
        start("<Configuration><Loggers><Root level='warn'/></Loggers></Configuration>");
    Logging.adopt(context);
    assertFalse(context.getConfiguration().getLoggers().containsKey("org.tsnext"));
    context.stop();
  }

  @Test
  public void consoleThatIsNotReadLosesItsLinesAndWritesNothingToStderr() throws Exception {
    CountDownLatch read = new CountDownLatch(1);
    LoggerContext context =
        start("<Configuration><Loggers><Root level='info'/></Loggers></Configuration>");
    Configuration configuration = context.getConfiguration();
    Appender stuck = new StuckAppender(read);
    stuck.start();
    configuration.addAppender(stuck);
    AsyncAppender console =
        AsyncAppender.newBuilder()
            .setName("console")
            .setAppenderRefs(new AppenderRef[] {AppenderRef.createAppenderRef("stuck", null, null)})
            .setBufferSize(2)
            .setBlocking(false)
            .setConfiguration(configuration)
            .build();
    console.start();
    configuration.addAppender(console);
    configuration.getRootLogger().addAppender(console, null, null);
    context.updateLoggers();
    List<String> told = new CopyOnWriteArrayList<>();
    StatusListener listener = new StatusTexts(told);
    StatusLogger.getLogger().registerListener(listener);
    try {
      Logging.dropInSilence(context);
      for (int i = 0; i < 100; i++) {
        console.append(Log4jLogEvent.newBuilder().setMessage(new SimpleMessage("line")).build());
      }
      assertEquals(told, List.of());
    } finally {
      StatusLogger.getLogger().removeListener(listener);
      read.countDown();
      context.stop();
    }
  }

  /** A pipe that is full. */
  private static final class StuckAppender extends AbstractAppender {
    private final CountDownLatch read;

    StuckAppender(CountDownLatch read) {
      super("stuck", null, null, true, Property.EMPTY_ARRAY);
      this.read = read;
    }

    @Override
    public void append(LogEvent event) {
      try {
        read.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** What log4j says about itself. */
  private record StatusTexts(List<String> texts) implements StatusListener {
    @Override
    public void log(StatusData data) {
      texts.add(data.getMessage().getFormattedMessage());
    }

    @Override
    public Level getStatusLevel() {
      return Level.WARN;
    }

    @Override
    public void close() {}
  }

  private String only(String file) throws IOException {
    assertEquals(lines(file).size(), 1, lines(file).toString());
    return lines(file).get(0);
  }

  private static void assertMatches(String regex, String line) {
    assertTrue(Pattern.matches(regex, line), line);
  }
}
