package org.tsnext.core.metrics;

/** Names as an exposition may write them: what does not fit becomes an underscore. */
final class ExposedNames {
  private ExposedNames() {}

  /** {@code [a-zA-Z_:][a-zA-Z0-9_:]*}. */
  static String ofMetric(String name) {
    return fit(name, true);
  }

  /** {@code [a-zA-Z_][a-zA-Z0-9_]*}. */
  static String ofDimension(String name) {
    return fit(name, false);
  }

  private static String fit(String name, boolean colons) {
    StringBuilder fitting = new StringBuilder(name.length() + 1);
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean digit = c >= '0' && c <= '9';
      boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      if (digit && i == 0) {
        fitting.append('_');
      }
      fitting.append(digit || letter || (colons && c == ':') ? c : '_');
    }
    return fitting.toString();
  }
}
