package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Comparator;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A failure that is remembered, of bounded size.
 *
 * @param type of the Python error, such as {@code ValueError}, or {@link #PROCESS_EXIT}, or empty
 * @param detail type and text of the Python error, or how the process ended, or empty
 * @param traceback of Python, or empty; of a long one the end is kept
 */
public record WorkerError(
    Instant time, String type, String message, String detail, String traceback) {

  /** The type of a failure that is the end of a process. */
  static final String PROCESS_EXIT = "ProcessExit";

  static final int MAX_TEXT = 2000;
  static final int MAX_TRACEBACK = 16 * 1024;

  private static final String CUT = "... ";
  private static final Pattern PYTHON_TYPE =
      Pattern.compile("([A-Za-z_][A-Za-z0-9_.]*)(:.*| \\(.*)?");

  public WorkerError {
    Objects.requireNonNull(time, "time");
    Objects.requireNonNull(type, "type");
    message = beginning(message);
    detail = beginning(detail);
    traceback =
        traceback.length() > MAX_TRACEBACK
            ? CUT + traceback.substring(traceback.length() - MAX_TRACEBACK)
            : traceback;
  }

  /** What Python said: its {@code detail} begins with the type of the error. */
  static WorkerError ofPython(Instant time, String message, String detail, String traceback) {
    Matcher matcher = PYTHON_TYPE.matcher(detail.lines().findFirst().orElse(""));
    return new WorkerError(
        time, matcher.matches() ? matcher.group(1) : "", message, detail, traceback);
  }

  /** A process that ended. */
  static WorkerError ofExit(Instant time, WorkerDeath death) {
    return new WorkerError(time, PROCESS_EXIT, death.message(), death.detail(), "");
  }

  /** The most telling line. */
  public String summary() {
    return detail.isEmpty() ? message : detail;
  }

  /** The newest of several. */
  public static Optional<WorkerError> newest(Stream<WorkerError> errors) {
    return errors.max(Comparator.comparing(WorkerError::time));
  }

  /** The same without the traceback, for descriptions that have it elsewhere. */
  public WorkerError withoutTraceback() {
    return new WorkerError(time, type, message, detail, "");
  }

  private static String beginning(String text) {
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + CUT : text;
  }
}
