package org.tsnext.http.management;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.tsnext.api.Parameters;
import org.tsnext.core.request.BoundedNumber;
import org.tsnext.http.request.QueryParameters;

/**
 * Parameters of a query, and of a form for what the query does not have.
 *
 * @param form empty if there is none
 */
record TextParameters(QueryParameters query, QueryParameters form) implements Parameters {

  private static final QueryParameters NO_FORM = QueryParameters.parse("");

  TextParameters(QueryParameters query) {
    this(query, NO_FORM);
  }

  @Override
  public Optional<String> text(String name) {
    return given(query, name).or(() -> given(form, name));
  }

  private static Optional<String> given(QueryParameters parameters, String name) {
    return parameters.get(name).filter(value -> !value.isEmpty());
  }

  @Override
  public OptionalInt integer(String name) {
    Optional<String> value = text(name).map(String::trim).filter(digits -> !digits.isEmpty());
    if (value.isEmpty()) {
      return OptionalInt.empty();
    }
    OptionalLong number = BoundedNumber.whole(value.get());
    if (number.isEmpty() || number.getAsLong() != (int) number.getAsLong()) {
      throw Parameters.unexpected(name, quoted(value.get()), "an integer of 32 bits");
    }
    return OptionalInt.of((int) number.getAsLong());
  }

  @Override
  public Optional<Boolean> flag(String name) {
    return text(name).map(value -> flag(name, value));
  }

  private static boolean flag(String name, String value) {
    if (!value.equalsIgnoreCase("true") && !value.equalsIgnoreCase("false")) {
      throw Parameters.unexpected(name, quoted(value), "true or false");
    }
    return Boolean.parseBoolean(value);
  }

  private static String quoted(String value) {
    return '"' + value + '"';
  }
}
