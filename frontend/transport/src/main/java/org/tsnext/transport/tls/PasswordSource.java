package org.tsnext.transport.tls;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Where a password is. It is read anew each time, so that it can be changed with what it opens. */
@FunctionalInterface
public interface PasswordSource {

  /** The password. */
  String read() throws IOException;

  /**
   * Reads a setting: {@code file:<path>} (its first line), {@code env:<variable>}, or the password
   * itself.
   *
   * @param key the setting's name, for messages
   */
  static PasswordSource of(String key, String text, Map<String, String> environment) {
    if (text.startsWith("file:")) {
      return () -> firstLine(key, text.substring("file:".length()));
    }
    if (text.startsWith("env:")) {
      String variable = text.substring("env:".length());
      return () -> {
        String value = environment.get(variable);
        if (value == null) {
          throw new TlsKeyException(key + ": the environment variable " + variable + " is not set");
        }
        return value;
      };
    }
    return () -> text;
  }

  /** Whether a setting is the password itself rather than the place where it is. */
  static boolean isPlain(String text) {
    return !text.startsWith("file:") && !text.startsWith("env:");
  }

  /** The environment variable that a setting refers to. */
  static Optional<String> variable(String text) {
    return text.startsWith("env:")
        ? Optional.of(text.substring("env:".length()))
        : Optional.empty();
  }

  private static String firstLine(String key, String path) throws TlsKeyException {
    try {
      String content = Files.readString(Path.of(path), StandardCharsets.UTF_8);
      return content.lines().findFirst().orElse("");
    } catch (IOException | InvalidPathException e) {
      throw new TlsKeyException(key + ": the file " + path + " cannot be read: " + e, e);
    }
  }
}
