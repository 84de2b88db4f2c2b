package org.tsnext.http.tensor;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Which outputs a client wants, and which of them as binary data.
 *
 * @param byDefault whether those are binary of which it says nothing
 * @param requested by name, in the client's order; empty for all outputs
 */
public record BinaryOutputs(boolean byDefault, Map<String, Wish> requested) {

  /** What a client says of one output. */
  public enum Wish {
    BINARY,
    JSON,
    DEFAULT
  }

  public BinaryOutputs {
    requested = Collections.unmodifiableMap(new LinkedHashMap<>(requested));
  }

  /** Whether there may be binary data in the response. */
  public boolean any() {
    return requested.isEmpty() ? byDefault : requested.keySet().stream().anyMatch(this::isBinary);
  }

  boolean isBinary(String output) {
    return switch (requested.getOrDefault(output, Wish.DEFAULT)) {
      case BINARY -> true;
      case JSON -> false;
      case DEFAULT -> byDefault;
    };
  }

  /** Names of the outputs to send; empty for all of them. */
  Set<String> names() {
    return requested.keySet();
  }
}
