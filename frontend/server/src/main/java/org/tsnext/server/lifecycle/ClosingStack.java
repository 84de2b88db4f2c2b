package org.tsnext.server.lifecycle;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Parts that were started, closed in reverse order. One that fails does not keep the others. */
public final class ClosingStack implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ClosingStack.class);

  private final Deque<Part> parts = new ArrayDeque<>();

  private boolean closed;

  private record Part(String name, AutoCloseable closeable) {}

  /**
   * Adds a part that will be closed before all parts added so far.
   *
   * @throws IllegalStateException if the stack is closed already; the part then is as well
   */
  public synchronized <T extends AutoCloseable> T add(String name, T part) {
    parts.push(new Part(name, part));
    if (closed) {
      close();
      throw new IllegalStateException("The server is going down");
    }
    return part;
  }

  @Override
  public synchronized void close() {
    closed = true;
    while (!parts.isEmpty()) {
      Part part = parts.pop();
      try {
        part.closeable().close();
      } catch (InterruptedException e) {
        LOGGER.warn("Interrupted while closing {}", part.name());
        Thread.currentThread().interrupt();
      } catch (Throwable e) {
        // Also an Error: the parts below it hold processes and files.
        LOGGER.warn("Closing {} failed", part.name(), e);
      }
    }
  }
}
