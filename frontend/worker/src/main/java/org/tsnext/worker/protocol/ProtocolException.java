package org.tsnext.worker.protocol;

/**
 * The peer broke the worker protocol, or a message cannot be expressed in it. The message says what
 * was wrong, the value, and what was expected. The connection cannot go on.
 */
public final class ProtocolException extends Exception {

  private static final long serialVersionUID = 1L;

  public ProtocolException(String message) {
    super(message);
  }
}
