package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Objects;

/**
 * A failure that is remembered.
 *
 * @param detail type and text of the Python error, or empty
 * @param traceback of Python, or empty
 */
public record WorkerError(Instant time, String message, String detail, String traceback) {

  public WorkerError {
    Objects.requireNonNull(time, "time");
    Objects.requireNonNull(message, "message");
    Objects.requireNonNull(detail, "detail");
    Objects.requireNonNull(traceback, "traceback");
  }

  /** The most telling line. */
  public String summary() {
    return detail.isEmpty() ? message : detail;
  }
}
