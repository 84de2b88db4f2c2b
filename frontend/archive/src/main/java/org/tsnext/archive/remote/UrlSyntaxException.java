package org.tsnext.archive.remote;

/** A URL that is not taken apart, since its parts might be understood in more than one way. */
final class UrlSyntaxException extends Exception {

  private final boolean relative;

  UrlSyntaxException(String message) {
    this(message, false);
  }

  UrlSyntaxException(String message, boolean relative) {
    super(message);
    this.relative = relative;
  }

  /** Whether it has a path segment of two dots. */
  boolean isRelative() {
    return relative;
  }
}
