package org.tsnext.http.management;

import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.http.request.QueryParameters;

/**
 * Parameters of a query or a form. As in TorchServe 0.12, an integer that is not one counts as not
 * given, and a flag is true only for {@code true} in any case.
 */
record TextParameters(QueryParameters values) implements Parameters {

  @Override
  public Optional<String> text(String name) {
    return values.get(name).filter(value -> !value.isEmpty());
  }

  @Override
  public OptionalInt integer(String name) {
    Optional<String> value = values.get(name);
    if (value.isEmpty()) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of(Integer.parseInt(value.get().trim()));
    } catch (NumberFormatException e) {
      return OptionalInt.empty();
    }
  }

  @Override
  public Optional<Boolean> flag(String name) {
    return values.get(name).map(Boolean::parseBoolean);
  }
}
