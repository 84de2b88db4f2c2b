package org.tsnext.core.testing;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.Property;

/** Keeps the warnings and errors of a class's logger while it is open. */
public final class CapturedWarnings extends AbstractAppender implements AutoCloseable {

  private final Logger logger;
  private final Level before;
  private final List<String> lines = new CopyOnWriteArrayList<>();

  public CapturedWarnings(Class<?> of) {
    this(of.getName());
  }

  public CapturedWarnings(String of) {
    super("warnings-" + of, null, null, true, Property.EMPTY_ARRAY);
    logger = (Logger) LogManager.getLogger(of);
    before = logger.getLevel();
    start();
    logger.addAppender(this);
    logger.setAdditive(false);
    // Last, since a logger that is given its first appender takes its parent's level; and in the
    // configuration, which the next logger that is given one reads again.
    Configurator.setLevel(of, Level.WARN);
  }

  @Override
  public void append(LogEvent event) {
    lines.add(event.getMessage().getFormattedMessage());
  }

  /** What was warned of so far. */
  public List<String> lines() {
    return lines;
  }

  @Override
  public void close() {
    logger.removeAppender(this);
    logger.setAdditive(true);
    Configurator.setLevel(logger.getName(), before);
    stop();
  }
}
