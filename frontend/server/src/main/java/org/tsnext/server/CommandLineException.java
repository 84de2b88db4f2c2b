package org.tsnext.server;

/** Words the server does not understand. The message says which. */
final class CommandLineException extends Exception {
  CommandLineException(String message) {
    super(message);
  }
}
