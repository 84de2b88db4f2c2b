package org.tsnext.core.metrics;

import java.util.Locale;

/** How a request ended. */
public enum Outcome {
  SUCCESS,
  /** The status is 400 to 498. */
  CLIENT_ERROR,
  SERVER_ERROR,
  /** The client left before its answer. */
  CANCELLED;

  /** Of an answer with that HTTP status; 0, which handlers leave for 200, is a success. */
  public static Outcome of(int status) {
    if (status < 400) {
      return SUCCESS;
    }
    return status == 499 ? CANCELLED : status < 500 ? CLIENT_ERROR : SERVER_ERROR;
  }

  /** As the metrics show it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
