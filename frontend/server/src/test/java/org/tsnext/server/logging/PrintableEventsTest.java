package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.xml.XmlConfiguration;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.Message;
import org.apache.logging.log4j.message.SimpleMessage;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class PrintableEventsTest {
  /** All of C0 but the tab and the line feed, DEL and C1, separators, and controls of direction. */
  private static final String CONTROLS = controls();

  private Path file;

  @BeforeMethod
  public void makeFile() throws IOException {
    file = Files.createTempFile("tsnext-log", ".log");
  }

  @AfterMethod
  public void removeFile() throws IOException {
    Files.delete(file);
  }

  private static String controls() {
    StringBuilder all = new StringBuilder();
    for (int c = 0; c < 0x10000; c++) {
      int type = Character.getType(c);
      boolean separator = type == Character.LINE_SEPARATOR || type == Character.PARAGRAPH_SEPARATOR;
      boolean direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
      if ((type == Character.CONTROL && c != '\t' && c != '\n') || separator || direction) {
        all.append((char) c);
      }
    }
    return all.toString();
  }

  /** What users' own files have: any layout, with and without asynchronous loggers. */
  @DataProvider
  public Object[][] setups() {
    String pattern = "<PatternLayout pattern=\"%m%n\"/>";
    return new Object[][] {
      {new AsyncLoggerContext("test"), pattern, "Root"},
      {new LoggerContext("test"), pattern, "Root"},
      {new LoggerContext("test"), pattern, "AsyncRoot"},
      {new AsyncLoggerContext("test"), "<JSONPatternLayout/>", "Root"},
    };
  }

  private LoggerContext start(LoggerContext context, String layout, String root)
      throws IOException {
    String xml =
        """
        <Configuration><Appenders>
          <File name="file" fileName="%s">%s</File>
        </Appenders><Loggers>
          <%s level="info"><AppenderRef ref="file"/></%s>
          <Logger name="org.pytorch.serve" level="debug" additivity="false">
            <AppenderRef ref="file"/>
          </Logger>
        </Loggers></Configuration>
        """
            .formatted(file, layout, root, root);
    context.start(
        new XmlConfiguration(
            context,
            new ConfigurationSource(
                new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8)))));
    Logging.adopt(context);
    return context;
  }

  @Test(dataProvider = "setups")
  public void noControlReachesAnyLog(LoggerContext context, String layout, String root)
      throws IOException {
    start(context, layout, root);
    Exception failure =
        new IllegalStateException(
            "outer " + CONTROLS, new IOException("inner " + CONTROLS + "\n2026 forged"));
    Message printed = new SimpleMessage("printed " + CONTROLS + " end");
    context.getLogger("MODEL_LOG").info(printed);
    context.getLogger("ACCESS_LOG").info("asked for {}", CONTROLS);
    context.getLogger("org.tsnext.core").warn("{} failed", CONTROLS, failure);
    context.getLogger("org.tsnext.core").warn("plain, with a tab\tand für 模型 😀");
    context.stop();
    String text = Files.readString(file);
    for (int i = 0; i < CONTROLS.length(); i++) {
      char c = CONTROLS.charAt(i);
      assertFalse(text.indexOf(c) >= 0, Integer.toHexString(c) + " in " + text);
    }
    assertTrue(text.contains("printed " + "?".repeat(CONTROLS.length()) + " end"), text);
    assertTrue(text.contains("asked for ?"), text);
    assertTrue(text.contains("IllegalStateException: outer ?"), text);
    assertTrue(text.contains("PrintableEventsTest.noControlReachesAnyLog("), text);
    assertTrue(text.contains("java.io.IOException: inner ?"), text);
    assertTrue(text.lines().noneMatch(line -> line.startsWith("2026")), text);
    assertTrue(text.contains("für 模型 😀"), text);
  }

  @Test
  public void linesAfterTheFirstOfAMessageAreIndented() throws IOException {
    LoggerContext context = start(new AsyncLoggerContext("test"), "", "Root");
    context.getLogger("a").info("first\n2026-11-22 [INFO ] forged\n  as it was\r\nlast\n");
    context.stop();
    assertEquals(
        Files.readAllLines(file),
        List.of("first", "    2026-11-22 [INFO ] forged", "  as it was?", "    last", ""));
  }

  @Test
  public void whatIsCleanPassesAsItIs() {
    Log4jLogEvent event =
        Log4jLogEvent.newBuilder()
            .setMessage(new SimpleMessage("clean\tline\n  and another"))
            .setThrown(new IOException("clean", new IOException((String) null)))
            .build();
    assertSame(PrintableEvents.printable(event), event);
  }

  @Test
  public void exceptionsThatCauseEachOtherEnd() {
    IOException first = new IOException("first \u001b");
    IOException second = new IOException("second \u202e", first);
    first.initCause(second);
    first.addSuppressed(second);
    Throwable printable = PrintableThrowable.of(first);
    assertEquals(printable.toString(), "java.io.IOException: first ?");
    assertEquals(printable.getCause().toString(), "java.io.IOException: second ?");
    assertEquals(printable.getStackTrace(), first.getStackTrace());
  }
}
