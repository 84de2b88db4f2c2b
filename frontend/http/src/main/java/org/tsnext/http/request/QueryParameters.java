package org.tsnext.http.request;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Parameters of a query string or of a form: the first value of a name counts, unless all do. */
public final class QueryParameters {

  /** Parameters beyond this number are refused. */
  static final int MAX_PARAMETERS = 1024;

  private static final QueryParameters EMPTY = new QueryParameters(Map.of(), List.of());

  private final Map<String, String> values;

  /** Names and values in turn, of what a name had beside its first value. */
  private final List<String> more;

  private QueryParameters(Map<String, String> values, List<String> more) {
    this.values = values;
    this.more = more;
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
    List<String> more = new ArrayList<>(0);
    int count = 0;
    int start = 0;
    while (start <= query.length()) {
      int end = start;
      int equals = -1;
      while (end < query.length() && query.charAt(end) != '&' && query.charAt(end) != ';') {
        equals = equals < 0 && query.charAt(end) == '=' ? end : equals;
        end++;
      }
      if (end > start) {
        if (++count > MAX_PARAMETERS) {
          throw MalformedRequest.because(
              "More than " + MAX_PARAMETERS + " query parameters in one request.");
        }
        int nameEnd = equals < 0 ? end : equals;
        String name = PercentDecoder.decode(query.substring(start, nameEnd), true);
        String value =
            PercentDecoder.decode(nameEnd == end ? "" : query.substring(nameEnd + 1, end), true);
        if (values.putIfAbsent(name, value) != null) {
          more.add(name);
          more.add(value);
        }
      }
      start = end + 1;
    }
    return new QueryParameters(Collections.unmodifiableMap(values), more);
  }

  /** All parameters in the order of their first appearance. */
  public Map<String, String> asMap() {
    return values;
  }

  public Optional<String> get(String name) {
    return Optional.ofNullable(values.get(name));
  }

  /** All values of a parameter that may be repeated. */
  public List<String> all(String name) {
    List<String> all = new ArrayList<>();
    get(name).ifPresent(all::add);
    for (int i = 0; i < more.size(); i += 2) {
      if (more.get(i).equals(name)) {
        all.add(more.get(i + 1));
      }
    }
    return all;
  }
}
