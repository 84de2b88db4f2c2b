package org.tsnext.http.management;

import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Parameters of a management call, wherever they come from. Empty ones were not given. */
interface Parameters {

  Optional<String> text(String name);

  OptionalInt integer(String name);

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

  static ServingException outOfRange(String name, int value, int minimum) {
    return new ServingException(
        ErrorKind.BAD_REQUEST,
        "Parameter " + name + " is " + value + ", expected " + minimum + " or more.");
  }
}
