package org.tsnext.http;

import java.util.Objects;
import java.util.Optional;

/** Values of the {@code access-control-allow-*} headers, sent verbatim; empty ones are not sent. */
public record CorsSettings(
    Optional<String> origin, Optional<String> methods, Optional<String> headers) {

  public CorsSettings {
    Objects.requireNonNull(origin, "origin");
    Objects.requireNonNull(methods, "methods");
    Objects.requireNonNull(headers, "headers");
  }

  /** No CORS headers at all, and no answers to preflights. */
  public static CorsSettings none() {
    return new CorsSettings(Optional.empty(), Optional.empty(), Optional.empty());
  }

  public boolean configured() {
    return origin.isPresent() || methods.isPresent() || headers.isPresent();
  }
}
