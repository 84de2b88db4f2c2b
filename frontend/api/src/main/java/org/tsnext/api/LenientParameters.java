package org.tsnext.api;

import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ServingException;

/**
 * Parameters as TorchServe 0.12 read them: a number that is none, or that is too small, counts as
 * not given; of truth values only {@code true}, in any case, is true.
 */
public record LenientParameters(Parameters given) implements Parameters {

  /** The parameters of a call, read as {@code compatibility} says. */
  public static Parameters where(Compatibility compatibility, Parameters given) {
    return compatibility.isOriginal(Deviation.BAD_PARAMETERS)
        ? new LenientParameters(given)
        : given;
  }

  @Override
  public Optional<String> text(String name) {
    return given.text(name);
  }

  @Override
  public OptionalInt integer(String name) {
    try {
      return given.integer(name);
    } catch (ServingException e) {
      return OptionalInt.empty();
    }
  }

  @Override
  public OptionalInt integerFrom(String name, int minimum) {
    try {
      return given.integerFrom(name, minimum);
    } catch (ServingException e) {
      return OptionalInt.empty();
    }
  }

  @Override
  public Optional<Boolean> flag(String name) {
    try {
      return given.flag(name);
    } catch (ServingException e) {
      return Optional.of(false);
    }
  }
}
