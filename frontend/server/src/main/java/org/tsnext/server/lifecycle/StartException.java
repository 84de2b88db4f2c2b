package org.tsnext.server.lifecycle;

/** A start that failed. The message is for the operator: what failed, and what was expected. */
public final class StartException extends Exception {
  public StartException(String message) {
    super(message);
  }

  public StartException(String message, Throwable cause) {
    super(message, cause);
  }
}
