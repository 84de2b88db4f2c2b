package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * How a worker's process ended.
 *
 * @param code exit code; empty if a signal ended it or it never ran
 * @param signal empty if it ended by itself
 * @param reason why the server ended it, or why it could not be started, or the last line that it
 *     wrote to stderr; empty if nothing is known
 */
public record WorkerExit(Instant time, OptionalInt code, OptionalInt signal, String reason) {

  private static final int MAX_REASON = 500;

  public WorkerExit {
    Objects.requireNonNull(time, "time");
    Objects.requireNonNull(code, "code");
    Objects.requireNonNull(signal, "signal");
    Objects.requireNonNull(reason, "reason");
  }

  static WorkerExit of(Instant time, WorkerRun run, WorkerListener.ExitStatus status) {
    boolean signalled = status.signal() > 0;
    return new WorkerExit(
        time,
        signalled || status.code() < 0 ? OptionalInt.empty() : OptionalInt.of(status.code()),
        signalled ? OptionalInt.of(status.signal()) : OptionalInt.empty(),
        run.endedFor.orElse(lastLine(status.reason())));
  }

  /** The most telling line of an output, cut. */
  static String lastLine(String text) {
    String line = text.lines().filter(each -> !each.isBlank()).reduce("", (one, next) -> next);
    return line.length() > MAX_REASON ? line.substring(0, MAX_REASON) + "..." : line;
  }
}
