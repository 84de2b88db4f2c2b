package org.tsnext.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The version of this build, in the spelling of the Python distributions. */
final class Version {
  /** The repository's file VERSION, which the Python packages carry as well. */
  private static final String RESOURCE = "version.txt";

  private Version() {}

  /** Returns the version, such as {@code 1.0.0} or {@code 1.0.0rc1}. */
  static String current() {
    try (InputStream in = Version.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException(RESOURCE + " is missing from the server's jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
