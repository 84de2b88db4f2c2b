package org.tsnext.archive.remote;

/** A URL that is understood and not allowed. The message is for the client. */
final class RefusedUrlException extends Exception {

  RefusedUrlException(String message) {
    super(message);
  }
}
