package org.tsnext.core.worker;

import org.tsnext.core.metrics.RestartCause;

/** Why a process is replaced whose requests fail. */
enum Replacement {
  /** It serves, but answers nothing with success; it finishes what it runs. */
  FAILING(RestartCause.FAILING),
  /** It said that it can serve no more, and ends. */
  UNUSABLE(RestartCause.UNUSABLE);

  private final RestartCause cause;

  Replacement(RestartCause cause) {
    this.cause = cause;
  }

  RestartCause cause() {
    return cause;
  }
}
