package org.tsnext.http.settings;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.request.Header;

/**
 * Values of the {@code access-control-allow-*} headers, sent verbatim; empty ones are not sent.
 *
 * @param origin one, or several between commas, of which the asking one is answered
 * @param maxAge how long browsers may remember the answer to a preflight
 */
public record CorsSettings(
    Optional<String> origin,
    Optional<String> methods,
    Optional<String> headers,
    Optional<Duration> maxAge) {

  public CorsSettings {
    Objects.requireNonNull(origin, "origin");
    Objects.requireNonNull(methods, "methods");
    Objects.requireNonNull(headers, "headers");
    Objects.requireNonNull(maxAge, "maxAge");
  }

  /** No CORS headers at all, and no answers to preflights. */
  public static CorsSettings none() {
    return new CorsSettings(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  public boolean configured() {
    return origin.isPresent() || methods.isPresent() || headers.isPresent();
  }

  /** The origin that every response names, for any client. */
  public Optional<String> oneOrigin() {
    return origin.filter(text -> !text.contains(","));
  }

  /** Every origin of the setting, as it is written. */
  public List<String> origins() {
    return Arrays.stream(origin.orElse("").split(","))
        .map(String::strip)
        .filter(text -> !text.isEmpty())
        .toList();
  }

  /** The origins of which the asking one is answered, in lower case; empty if it is always one. */
  public List<String> severalOrigins() {
    return origin
        .filter(text -> text.contains(","))
        .map(text -> Arrays.asList(text.toLowerCase(Locale.ROOT).split(",")))
        .orElse(List.of())
        .stream()
        .map(String::strip)
        .filter(text -> !text.isEmpty())
        .toList();
  }

  /** What only the answer to a preflight carries. */
  public List<Header> preflightHeaders() {
    return maxAge
        .map(age -> new Header("access-control-max-age", String.valueOf(age.toSeconds())))
        .map(List::of)
        .orElse(List.of());
  }
}
