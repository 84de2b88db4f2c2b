package org.tsnext.server.logging;

import java.util.Map;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.config.AppenderRef;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.config.Property;

/** The life of logging in this process. */
public final class Logging {
  /** Log lines go to stdout unless this system property is {@code off}. */
  public static final String CONSOLE_PROPERTY = "tsnext.console";

  static final String LOGGER = "org.tsnext";
  static final String LOGGER_OF_0_12 = "org.pytorch.serve";

  private Logging() {}

  /** Silences the console. Must come before the first logger is made. */
  public static void silenceConsole() {
    System.setProperty(CONSOLE_PROPERTY, "off");
  }

  /**
   * Makes log4j2 files that were written for TorchServe 0.12 take effect, now and whenever log4j
   * reads its file again: what they say of {@code org.pytorch.serve} holds for {@code org.tsnext}.
   */
  public static void adoptOldLoggerNames() {
    LoggerContext context = (LoggerContext) LogManager.getContext(false);
    adopt(context);
    context.addPropertyChangeListener(
        event -> {
          if (LoggerContext.PROPERTY_CONFIG.equals(event.getPropertyName())) {
            adopt(context);
          }
        });
  }

  /** Writes what is still waiting and closes the files. Nothing is logged after it. */
  public static void stop() {
    LogManager.shutdown();
  }

  static void adopt(LoggerContext context) {
    Configuration configuration = context.getConfiguration();
    Map<String, LoggerConfig> loggers = configuration.getLoggers();
    LoggerConfig old = loggers.get(LOGGER_OF_0_12);
    if (old == null || loggers.containsKey(LOGGER)) {
      return;
    }
    LoggerConfig adopted =
        LoggerConfig.newBuilder()
            .withLoggerName(LOGGER)
            .withLevel(old.getExplicitLevel())
            .withAdditivity(old.isAdditive())
            .withRefs(new AppenderRef[0])
            .withProperties(new Property[0])
            .withConfig(configuration)
            .get();
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
