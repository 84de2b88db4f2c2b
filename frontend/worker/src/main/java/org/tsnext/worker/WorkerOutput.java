package org.tsnext.worker;

/** Takes what Python processes print. Called by the thread that reads from {@code init}. */
public interface WorkerOutput {

  /**
   * One line, without its line feed.
   *
   * @param source name of the worker, such as {@code W-9000-digits_1.0}, or {@code zygote}
   * @param stderr whether it was printed to stderr
   */
  void line(String source, boolean stderr, String text);

  /** The sink of a running server: the logger {@code MODEL_LOG}. */
  static WorkerOutput modelLog() {
    return new ModelLog();
  }
}
