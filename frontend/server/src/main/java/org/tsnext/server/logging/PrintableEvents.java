package org.tsnext.server.logging;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.Marker;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.config.AwaitCompletionReliabilityStrategy;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.Message;
import org.apache.logging.log4j.message.SimpleMessage;
import org.apache.logging.log4j.util.Supplier;

/**
 * Takes the control characters out of every message and exception on its way to the appenders,
 * whatever log4j2 file is used: a strategy is what log4j asks to hand an event on. Named in {@code
 * log4j2.component.properties}. Works on the logging thread; events without controls pass as they
 * are.
 */
public final class PrintableEvents extends AwaitCompletionReliabilityStrategy {

  /** Called by log4j for each logger of a configuration. */
  public PrintableEvents(LoggerConfig logger) {
    super(logger);
  }

  @Override
  public void log(Supplier<LoggerConfig> reconfigured, LogEvent event) {
    super.log(reconfigured, printable(event));
  }

  @Override
  public void log(
      Supplier<LoggerConfig> reconfigured,
      String loggerName,
      String fqcn,
      Marker marker,
      Level level,
      Message data,
      Throwable thrown) {
    super.log(
        reconfigured,
        loggerName,
        fqcn,
        marker,
        level,
        printable(data),
        PrintableThrowable.of(thrown));
  }

  @Override
  public void log(
      Supplier<LoggerConfig> reconfigured,
      String loggerName,
      String fqcn,
      StackTraceElement location,
      Marker marker,
      Level level,
      Message data,
      Throwable thrown) {
    super.log(
        reconfigured,
        loggerName,
        fqcn,
        location,
        marker,
        level,
        printable(data),
        PrintableThrowable.of(thrown));
  }

  static LogEvent printable(LogEvent event) {
    Message before = event.getMessage();
    Message message = printable(before);
    Throwable thrown = PrintableThrowable.of(event.getThrown());
    if (message == before && thrown == event.getThrown()) {
      return event;
    }
    // The event itself is used again for other lines.
    return new Log4jLogEvent.Builder(event).setMessage(message).setThrown(thrown).build();
  }

  /** Lines of metrics take care of themselves, since layouts want their parts. */
  private static Message printable(Message message) {
    if (message == null || message instanceof MetricLogMessage) {
      return message;
    }
    // One that is used again is its own text; another keeps the text that it was asked for.
    CharSequence text =
        message instanceof CharSequence itself ? itself : message.getFormattedMessage();
    return text == null || PrintableLine.isClean(text)
        ? message
        : new SimpleMessage(PrintableLine.of(text));
  }
}
