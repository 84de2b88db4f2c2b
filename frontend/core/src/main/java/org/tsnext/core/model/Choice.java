package org.tsnext.core.model;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * A value, and who set it.
 *
 * @param source in the words that a model's description shows
 */
record Choice<T>(T value, String source) {

  /** The registration that is served. */
  static final String REQUEST = "request";

  /** A registration that is repeated from a saved state. */
  static final String SNAPSHOT = "snapshot";

  /** A request to scale, after the registration. */
  static final String SCALE = "scale request";

  /** The model's own file. */
  static final String MODEL_CONFIG = "model-config.yaml";

  /** The key {@code models} of the server's settings. */
  static final String MODELS = "models";

  /** No source: the server's built-in value. */
  static final String DEFAULT = "default";

  /** Begins a choice with its strongest candidate. */
  static <T> Among<T> of(String source, Optional<T> value) {
    return new Among<T>(Optional.empty()).or(source, value);
  }

  static Optional<Integer> boxed(OptionalInt value) {
    return value.isPresent() ? Optional.of(value.getAsInt()) : Optional.empty();
  }

  /** A choice that is being made, from the strongest candidate to the weakest. */
  record Among<T>(Optional<Choice<T>> taken) {

    Among<T> or(String source, Optional<T> value) {
      return taken.isPresent() ? this : new Among<>(value.map(v -> new Choice<>(v, source)));
    }

    /** The one that holds if no other source has a value. */
    Choice<T> orElse(String source, T value) {
      return taken.orElseGet(() -> new Choice<>(value, source));
    }
  }
}
