package org.tsnext.worker;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes workers' output to {@code MODEL_LOG}: INFO for stdout, WARN for stderr. While it logs, the
 * thread bears the name of the worker and the stream, which is how the log's layout shows them.
 */
final class ModelLog implements WorkerOutput {

  private static final Logger MODEL_LOG = LoggerFactory.getLogger("MODEL_LOG");

  @Override
  public void line(String source, boolean stderr, String text) {
    Thread thread = Thread.currentThread();
    String name = thread.getName();
    thread.setName(source + (stderr ? "-stderr" : "-stdout"));
    try {
      if (stderr) {
        MODEL_LOG.warn("{}", text);
      } else {
        MODEL_LOG.info("{}", text);
      }
    } finally {
      thread.setName(name);
    }
  }
}
