package org.tsnext.http.request;

import java.util.Locale;
import java.util.Optional;

/** The value of a {@code Content-Type} header. */
public final class MediaType {

  private MediaType() {}

  /** The media type without parameters, lower-cased; empty for a missing header. */
  public static String bare(String contentType) {
    if (contentType == null) {
      return "";
    }
    int semicolon = contentType.indexOf(';');
    String bare = semicolon < 0 ? contentType : contentType.substring(0, semicolon);
    return bare.trim().toLowerCase(Locale.ROOT);
  }

  /**
   * A parameter of a header value such as {@code form-data; name="a"}. Quotes are removed, and so
   * is a backslash before a quote or a backslash; other backslashes stay, because browsers send
   * Windows paths with them.
   */
  static Optional<String> parameter(String value, String name) {
    int at = value.indexOf(';');
    while (at >= 0 && at < value.length()) {
      int equals = value.indexOf('=', at);
      if (equals < 0) {
        return Optional.empty();
      }
      String key = value.substring(at + 1, equals).trim();
      StringBuilder content = new StringBuilder();
      at = readValue(value, equals + 1, content);
      if (key.equalsIgnoreCase(name)) {
        return Optional.of(content.toString());
      }
    }
    return Optional.empty();
  }

  /** Appends the value that starts at {@code at} and returns the index of the next semicolon. */
  private static int readValue(String value, int at, StringBuilder content) {
    int start = at;
    while (start < value.length() && value.charAt(start) == ' ') {
      start++;
    }
    if (start < value.length() && value.charAt(start) == '"') {
      int i = start + 1;
      while (i < value.length() && value.charAt(i) != '"') {
        boolean escape =
            value.charAt(i) == '\\'
                && i + 1 < value.length()
                && (value.charAt(i + 1) == '"' || value.charAt(i + 1) == '\\');
        if (escape) {
          i++;
        }
        content.append(value.charAt(i++));
      }
      return value.indexOf(';', i);
    }
    int end = value.indexOf(';', start);
    content.append(value.substring(start, end < 0 ? value.length() : end).trim());
    return end;
  }
}
