package org.tsnext.core.model;

import java.util.regex.Pattern;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** What may be a name or a version of a model. */
final class Names {

  private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}");

  private Names() {}

  /**
   * Returns {@code value} if it may be a name or a version.
   *
   * @param kind of the error if it may not, by whoever gave it
   * @param what the word for it in the error
   */
  static String requireAllowed(ErrorKind kind, String what, String value) {
    if (!ALLOWED.matcher(value).matches()) {
      throw new ServingException(
          kind,
          what
              + " \""
              + value
              + "\" is not allowed: expected 1 to 128 letters, digits, '_', '.' or '-', beginning"
              + " with a letter or a digit.");
    }
    return value;
  }
}
