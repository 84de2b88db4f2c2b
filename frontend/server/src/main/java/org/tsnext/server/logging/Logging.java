package org.tsnext.server.logging;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.Appender;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractOutputStreamAppender;
import org.apache.logging.log4j.core.appender.AsyncAppender;
import org.apache.logging.log4j.core.appender.ConsoleAppender;
import org.apache.logging.log4j.core.appender.DefaultErrorHandler;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.config.AppenderRef;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.status.StatusLogger;

/** The life of logging in this process. */
public final class Logging {
  /** Log lines go to stdout unless this system property is {@code off}. */
  public static final String CONSOLE_PROPERTY = "tsnext.console";

  static final String LOGGER = "org.tsnext";
  static final String LOGGER_OF_0_12 = "org.pytorch.serve";

  /**
   * gRPC logs by other means, with a stack trace for each message of a client that it cannot read.
   * Kept, since that level is forgotten with the logger.
   */
  private static final java.util.logging.Logger GRPC =
      java.util.logging.Logger.getLogger("io.grpc");

  private static final Duration FLUSH_INTERVAL = Duration.ofMillis(100);

  private Logging() {}

  /** Nothing is logged, and no file of logs is made. Must come before the first logger is made. */
  public static void switchOff() {
    System.setProperty("log4j2.configurationFile", "classpath:log4j2-off.xml");
  }

  /**
   * Decides whether log lines go to stdout. Must come before the first logger is made.
   *
   * @param wanted empty for what the system property says, and yes without it
   */
  public static void showOnConsole(Optional<Boolean> wanted) {
    boolean show = wanted.orElse(!"off".equals(System.getProperty(CONSOLE_PROPERTY)));
    // The word is a log level there: all lines or none.
    System.setProperty(CONSOLE_PROPERTY, show ? "all" : "off");
  }

  /**
   * Makes each line show the name that its thread has at that moment, and makes log4j2 files that
   * were written for TorchServe 0.12 take effect, now and whenever log4j reads its file again: what
   * they say of {@code org.pytorch.serve} holds for {@code org.tsnext}.
   */
  public static void start() {
    GRPC.setLevel(java.util.logging.Level.SEVERE);
    LoggerContext context = (LoggerContext) LogManager.getContext(false);
    nameThreadsByLine(context);
    adopt(context);
    dropInSilence(context);
    context.addPropertyChangeListener(
        event -> {
          if (LoggerContext.PROPERTY_CONFIG.equals(event.getPropertyName())) {
            adopt(context);
            dropInSilence(context);
          }
        });
    if (!LoggerContexts.flushes(context)) {
      flushAtIntervals(context);
    }
  }

  private static void flushAtIntervals(LoggerContext context) {
    ScheduledExecutorService flusher =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "logging-flush");
              thread.setDaemon(true);
              return thread;
            });
    long millis = FLUSH_INTERVAL.toMillis();
    var unused =
        flusher.scheduleWithFixedDelay(() -> flush(context), millis, millis, TimeUnit.MILLISECONDS);
  }

  /**
   * Writes what is still waiting and closes the files. Nothing is logged after it.
   *
   * @param limit after which a console without a reader is left alone
   */
  public static void stop(Duration limit) throws InterruptedException {
    Thread stopping = new Thread(LogManager::shutdown, "logging-stop");
    stopping.setDaemon(true);
    stopping.start();
    stopping.join(limit.toMillis());
  }

  /** What log4j 2.26 keeps per thread between lines includes the thread's first name. */
  static void nameThreadsByLine(LoggerContext context) {
    if (context instanceof AsyncLoggerContext asynchronous) {
      asynchronous.setUseThreadLocals(false);
    }
  }

  /**
   * A buffer that drops lines when it is full tells so on stderr, by the thread that serves all
   * loggers. Where stdout has no reader, stderr has none either, so that thread would wait for
   * ever, and with it every event loop that has something to log.
   */
  static void dropInSilence(LoggerContext context) {
    for (Appender appender : context.getConfiguration().getAppenders().values()) {
      if (appender instanceof AsyncAppender buffer && !buffer.isBlocking()) {
        buffer.setHandler(
            new DefaultErrorHandler(buffer) {
              @Override
              public void error(String message) {
                // "queue is full"; what comes with an exception is still told.
              }
            });
      }
    }
  }

  /**
   * Writes what files with {@code immediateFlush="false"} still hold. Asynchronous loggers have a
   * file written after the last of the lines that waited together, if that line is its own: where
   * it is another file's, the lines would stay in memory until the next one comes. {@link LineWait}
   * has it done by the thread that writes, when no line is left; where the user has chosen other
   * contexts (log4j2.contextSelector), a thread does it at intervals.
   */
  static void flush(LoggerContext context) {
    for (Appender appender : context.getConfiguration().getAppenders().values()) {
      // The console may block, and gets its lines by a thread of its own.
      if (appender instanceof AbstractOutputStreamAppender<?> file
          && !(appender instanceof ConsoleAppender)) {
        try {
          file.getManager().flush();
        } catch (RuntimeException e) {
          // A full disk. The next line says so, and the other files are still to be written.
          StatusLogger.getLogger().debug("{} cannot be written", appender.getName(), e);
        }
      }
    }
  }

  static void adopt(LoggerContext context) {
    Configuration configuration = context.getConfiguration();
    Map<String, LoggerConfig> loggers = configuration.getLoggers();
    LoggerConfig old = loggers.get(LOGGER_OF_0_12);
    if (old == null || loggers.containsKey(LOGGER)) {
      return;
    }
    // Not by the shorter constructor, which leaves the strategy of all others out.
    LoggerConfig adopted =
        LoggerConfig.newBuilder()
            .setConfig(configuration)
            .setLoggerName(LOGGER)
            .setLevel(old.getExplicitLevel())
            .setAdditivity(old.isAdditive())
            .setRefs(new AppenderRef[0])
            .build();
    for (AppenderRef ref : old.getAppenderRefs()) {
      adopted.addAppender(configuration.getAppender(ref.getRef()), ref.getLevel(), ref.getFilter());
    }
    if (old.getFilter() != null) {
      adopted.addFilter(old.getFilter());
    }
    configuration.addLogger(LOGGER, adopted);
    context.updateLoggers();
  }
}
