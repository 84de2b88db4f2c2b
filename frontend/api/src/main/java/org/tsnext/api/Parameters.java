package org.tsnext.api;

import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Parameters of a management call, wherever they come from. Empty ones were not given. */
public interface Parameters {

  /** Of a value in an error message. */
  int MAX_SHOWN_LENGTH = 100;

  Optional<String> text(String name);

  /**
   * A text that has to be given.
   *
   * @throws ServingException BAD_REQUEST if it is not
   */
  default String required(String name) {
    return text(name).orElseThrow(() -> missing(name));
  }

  /**
   * An integer, or empty if it is not given.
   *
   * @throws ServingException BAD_REQUEST if it is not an integer of 32 bits
   */
  OptionalInt integer(String name);

  /**
   * A truth value, or empty if it is not given.
   *
   * @throws ServingException BAD_REQUEST if it is neither true nor false, in any case
   */
  Optional<Boolean> flag(String name);

  /**
   * An integer with a lower bound; {@code -1} means, as in TorchServe 0.12, that it is not given.
   *
   * @throws ServingException BAD_REQUEST below the bound
   */
  default OptionalInt integerFrom(String name, int minimum) {
    OptionalInt given = integer(name);
    if (given.isEmpty() || given.getAsInt() == -1) {
      return OptionalInt.empty();
    }
    if (given.getAsInt() < minimum) {
      throw outOfRange(name, given.getAsInt(), minimum);
    }
    return given;
  }

  /** A value that has to be given, and is not. Clients compare the sentence. */
  static ServingException missing(String name) {
    return new ServingException(ErrorKind.BAD_REQUEST, "Parameter " + name + " is required.");
  }

  /**
   * A value that cannot be understood.
   *
   * @param value as it was given; long ones are cut
   */
  static ServingException unexpected(String name, String value, String expected) {
    return new ServingException(
            ErrorKind.BAD_REQUEST,
            "Parameter " + name + " is " + shown(value) + ", expected " + expected + ".")
        .withDeviation(Deviation.BAD_PARAMETERS);
  }

  /** A value as error messages show it: long ones are cut. */
  static String shown(String value) {
    return value.length() > MAX_SHOWN_LENGTH ? value.substring(0, MAX_SHOWN_LENGTH) + "..." : value;
  }

  static ServingException outOfRange(String name, int value, int minimum) {
    return new ServingException(
            ErrorKind.BAD_REQUEST,
            "Parameter " + name + " is " + value + ", expected " + minimum + " or more.")
        .withDeviation(Deviation.BAD_PARAMETERS);
  }
}
