package org.tsnext.core.worker;

import java.util.Optional;
import org.tsnext.core.metrics.RestartCause;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/**
 * Why a worker's process ended, in words.
 *
 * @param message short, for descriptions
 * @param detail what is known of the cause
 * @param outOfMemory whether it died for want of memory while loading
 * @param cause of the restart that may follow
 */
record WorkerDeath(String message, String detail, boolean outOfMemory, RestartCause cause) {

  /** How Python's faulthandler begins. */
  private static final String CRASH = "Fatal Python error: ";

  static WorkerDeath of(WorkerRun run, ExitStatus status) {
    boolean loading = run.readyAtNanos.isEmpty();
    if (run.loadFailure.isPresent()) {
      LoadFailure failure = run.loadFailure.get();
      String detail = failure.detail().isEmpty() ? failure.message() : failure.detail();
      boolean outOfMemory = failure.code() == 507;
      return new WorkerDeath(
          "Load model failed",
          detail,
          outOfMemory,
          outOfMemory ? RestartCause.OUT_OF_MEMORY : RestartCause.LOAD_FAILED);
    }
    Optional<String> ours = run.endedFor;
    String message = loading ? "Worker died while loading its model" : "Worker died";
    if (ours.isPresent()) {
      return new WorkerDeath(message, "killed: " + ours.get(), false, run.endCause);
    }
    return new WorkerDeath(
        message, inWords(status, loading), loading && status.killed(), causeOf(status));
  }

  private static RestartCause causeOf(ExitStatus status) {
    if (status.killed()) {
      return RestartCause.KILLED;
    }
    boolean never = status.code() < 0 && status.signal() == 0;
    return never ? RestartCause.NOT_STARTED : RestartCause.CRASHED;
  }

  String logText() {
    return "Backend worker process died. " + message + ": " + detail;
  }

  private static String inWords(ExitStatus status, boolean loading) {
    String reason = WorkerExit.lastLine(status.reason());
    // What a worker that serves printed last may be about the request of another client.
    String told =
        reason.startsWith(CRASH)
            ? ": " + reason
            : loading && !reason.isEmpty() ? "; last output: " + reason : "";
    String hint = status.killed() ? ", as the system does when memory runs out" : "";
    if (status.signal() != 0) {
      return "killed by signal "
          + status.signal()
          + SignalNames.ofSignal(status.signal())
          + (status.killed() ? hint : told);
    }
    if (status.code() < 0) {
      return reason.isEmpty() ? "the process could not be started" : reason;
    }
    return "exit code " + status.code() + SignalNames.ofExitCode(status.code()) + hint + told;
  }
}
