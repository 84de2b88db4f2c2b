package org.tsnext.core.worker;

import java.util.Optional;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/**
 * Why a worker's process ended, in words.
 *
 * @param message short, for descriptions
 * @param detail what is known of the cause
 * @param outOfMemory whether it died for want of memory while loading
 */
record WorkerDeath(String message, String detail, boolean outOfMemory) {

  static WorkerDeath of(WorkerRun run, ExitStatus status) {
    boolean loading = run.readyAtNanos.isEmpty();
    if (run.loadFailure.isPresent()) {
      LoadFailure failure = run.loadFailure.get();
      String detail = failure.detail().isEmpty() ? failure.message() : failure.detail();
      return new WorkerDeath("Load model failed", detail, failure.code() == 507);
    }
    Optional<String> ours = run.endedFor;
    String message = loading ? "Worker died while loading its model" : "Worker died";
    if (ours.isPresent()) {
      return new WorkerDeath(message, "killed: " + ours.get(), false);
    }
    boolean outOfMemory = loading && status.killed();
    String hint = outOfMemory ? ", as the system does when memory runs out" : "";
    return new WorkerDeath(message, inWords(status) + hint, outOfMemory);
  }

  String logText() {
    return "Backend worker process died. " + message + ": " + detail;
  }

  private static String inWords(ExitStatus status) {
    if (status.signal() == 0 && !status.reason().isEmpty()) {
      return status.reason();
    }
    return status.signal() == 0
        ? "exit code " + status.code()
        : "killed by signal " + status.signal();
  }
}
