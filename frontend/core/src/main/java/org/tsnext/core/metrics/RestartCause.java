package org.tsnext.core.metrics;

import java.util.Locale;

/** Why a worker's process was started again: how the one before it ended. */
public enum RestartCause {
  /** It ended by itself, with an exit code or a signal such as SIGSEGV. */
  CRASHED,
  /** SIGKILL ended it, which the server did not send: mostly for want of memory. */
  KILLED,
  /** Its model could not be loaded, for a Python error. */
  LOAD_FAILED,
  /** Its model could not be loaded for want of memory. */
  OUT_OF_MEMORY,
  /** It did not load its model within {@code startupTimeout}. */
  STARTUP_TIMEOUT,
  /** It did not respond to what it ran within {@code responseTimeout}. */
  RESPONSE_TIMEOUT,
  /** It was idle and did not answer a ping. */
  UNRESPONSIVE,
  /** Its handler failed too often in a row, {@code maxFailuresInRow}. */
  FAILING,
  /** It said that it can serve no more, such as one whose accelerator fails. */
  UNUSABLE,
  /** Its process could not be started. */
  NOT_STARTED;

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
