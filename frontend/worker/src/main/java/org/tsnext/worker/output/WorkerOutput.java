package org.tsnext.worker.output;

import java.util.List;

/** Takes what Python processes print. Called by the thread that reads from {@code init}. */
public interface WorkerOutput {

  /**
   * Some lines, without their line feeds. May wait, by which the processes that print wait, too.
   *
   * @param source name of the worker, such as {@code W-9000-digits_1.0}, or {@code zygote}
   * @param stderr whether they were printed to stderr
   * @param lines not empty
   */
  void lines(String source, boolean stderr, List<String> lines);
}
