package org.tsnext.core.request;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A header as it was spelled. */
public record Header(String name, String value) {

  public Header {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(value, "value");
  }

  /** The headers of a map, in its order. */
  public static List<Header> of(Map<String, String> headers) {
    return headers.entrySet().stream()
        .map(header -> new Header(header.getKey(), header.getValue()))
        .toList();
  }

  /** The headers by their names; of several with one name the last. */
  public static Map<String, String> byName(List<Header> headers) {
    Map<String, String> byName = new LinkedHashMap<>();
    headers.forEach(header -> byName.put(header.name(), header.value()));
    return byName;
  }
}
