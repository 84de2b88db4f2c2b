package org.tsnext.http.request;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Parameters of a query string or of a form: the first value of a name counts. */
public final class QueryParameters {

  /** Parameters beyond this number are refused. */
  static final int MAX_PARAMETERS = 1024;

  private static final QueryParameters EMPTY = new QueryParameters(Map.of());

  private final Map<String, String> values;

  private QueryParameters(Map<String, String> values) {
    this.values = values;
  }

  /**
   * Reads what follows the {@code ?}; {@code &} and {@code ;} separate.
   *
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST if it is malformed
   */
  public static QueryParameters parse(String query) {
    if (query.isEmpty()) {
      return EMPTY;
    }
    Map<String, String> values = new LinkedHashMap<>();
    int count = 0;
    int start = 0;
    while (start <= query.length()) {
      int end = start;
      while (end < query.length() && query.charAt(end) != '&' && query.charAt(end) != ';') {
        end++;
      }
      if (end > start) {
        if (++count > MAX_PARAMETERS) {
          throw MalformedRequest.because(
              "More than " + MAX_PARAMETERS + " query parameters in one request.");
        }
        int equals = query.indexOf('=', start);
        int nameEnd = equals < 0 || equals > end ? end : equals;
        String value = nameEnd == end ? "" : query.substring(nameEnd + 1, end);
        values.putIfAbsent(
            PercentDecoder.decode(query.substring(start, nameEnd), true),
            PercentDecoder.decode(value, true));
      }
      start = end + 1;
    }
    return new QueryParameters(Collections.unmodifiableMap(values));
  }

  /** All parameters in the order of their first appearance. */
  public Map<String, String> asMap() {
    return values;
  }

  public Optional<String> get(String name) {
    return Optional.ofNullable(values.get(name));
  }
}
