package org.tsnext.server;

/** A start that failed. The message is for the operator: what failed, and what was expected. */
final class StartException extends Exception {
  StartException(String message) {
    super(message);
  }

  StartException(String message, Throwable cause) {
    super(message, cause);
  }
}
