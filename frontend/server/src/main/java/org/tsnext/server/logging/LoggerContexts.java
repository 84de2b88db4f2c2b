package org.tsnext.server.logging;

import java.net.URI;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.async.AsyncLoggerContextSelector;
import org.apache.logging.log4j.core.async.AsyncWaitStrategyFactory;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.DefaultConfiguration;

/**
 * Makes every logger asynchronous, with a writing thread that waits by {@link LineWait}. Named in
 * {@code log4j2.component.properties}.
 *
 * <p>Log4j 2.26 takes the way to wait from the configuration, but starts the thread before it has
 * read one: the configuration that stands for none names it.
 */
public final class LoggerContexts extends AsyncLoggerContextSelector {

  @Override
  protected LoggerContext createContext(String name, URI configLocation) {
    return new Context(name, configLocation);
  }

  /** Whether what is logged in a context leaves this process when no line is left to be written. */
  static boolean flushes(LoggerContext context) {
    return context instanceof Context;
  }

  private static final class Context extends AsyncLoggerContext {

    private final Configuration notRead = new NotRead(this);

    Context(String name, URI configLocation) {
      super(name, null, configLocation);
    }

    @Override
    public Configuration getConfiguration() {
      Configuration configuration = super.getConfiguration();
      return configuration instanceof DefaultConfiguration ? notRead : configuration;
    }
  }

  private static final class NotRead extends DefaultConfiguration {

    private final transient LoggerContext context;

    NotRead(LoggerContext context) {
      this.context = context;
    }

    @Override
    public AsyncWaitStrategyFactory getAsyncWaitStrategyFactory() {
      return () -> new LineWait(() -> Logging.flush(context));
    }
  }
}
