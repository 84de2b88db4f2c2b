package org.tsnext.server.settings;

import java.util.Optional;

/**
 * Reads the text of a setting.
 *
 * @param <T> what it becomes
 */
public interface SettingType<T> {
  /**
   * Reads a trimmed text that is not empty.
   *
   * @throws InvalidValueException if it is not acceptable
   */
  T parse(String text) throws InvalidValueException;

  /** What TorchServe 0.12 made of a text that is not acceptable; empty if it refused it, too. */
  default Optional<T> original() {
    return Optional.empty();
  }

  /** What is accepted, in a few words, such as {@code a whole number from 1 to 65535}. */
  String expected();

  /** A text that is not acceptable. The message says what was expected. */
  final class InvalidValueException extends Exception {
    public InvalidValueException(String expected) {
      super(expected);
    }
  }
}
