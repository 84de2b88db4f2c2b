package org.tsnext.core.worker;

import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/**
 * What the logs say of a model version that cannot be loaded: where it fails in a new way, the
 * traceback; where a restart fails as before, one line. Belongs to the supervisor's events.
 */
final class LoadFailureLog {

  private static final Logger LOGGER = LoggerFactory.getLogger(LoadFailureLog.class);

  /** The log of what handlers print, where the reason is looked for. */
  private static final Logger MODEL_LOG = LoggerFactory.getLogger("MODEL_LOG");

  private final String modelName;

  /** Where the last one whose traceback was logged came from, until the model is loaded. */
  private String known = "";

  LoadFailureLog(String modelName) {
    this.modelName = modelName;
  }

  /** A worker has loaded the model: whatever fails next is new. */
  void loaded() {
    known = "";
  }

  /**
   * Logs the failure of a run, or leaves it to its slot's line about the restart.
   *
   * @return what that line has to say: the failure, if the slot's last run failed so as well
   */
  Optional<String> log(WorkerRun run, LoadFailure failure) {
    String text =
        "Load model failed: %s, error: %s"
            .formatted(
                modelName, failure.detail().isEmpty() ? failure.message() : failure.detail());
    String origin = originOf(failure);
    boolean isKnown = origin.equals(known);
    if (isKnown && run.slot().firstFailureNanos.isPresent()) {
      return Optional.of(text);
    }
    LOGGER.warn("{}", text);
    if (!isKnown && !failure.traceback().isBlank()) {
      MODEL_LOG.warn(
          "{} could not load its model\n{}",
          run.slot().name(),
          failure.traceback().stripTrailing());
    }
    known = origin;
    return Optional.empty();
  }

  /** The type of the error and where it was raised: its text may differ each time. */
  private static String originOf(LoadFailure failure) {
    String frames =
        failure
            .traceback()
            .lines()
            .filter(line -> line.startsWith("  File "))
            .collect(Collectors.joining("\n"));
    int end = failure.detail().indexOf(':');
    return (end < 0 ? failure.detail() : failure.detail().substring(0, end)) + "\n" + frames;
  }
}
