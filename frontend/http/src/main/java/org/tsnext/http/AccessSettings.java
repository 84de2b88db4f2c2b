package org.tsnext.http;

import java.util.Objects;
import java.util.Optional;

/**
 * Who may connect, and what they may ask.
 *
 * @param tokens empty if clients need none
 */
public record AccessSettings(Optional<TokenSettings> tokens) {

  public AccessSettings {
    Objects.requireNonNull(tokens, "tokens");
  }

  /** Whoever reaches the server is served. */
  public static AccessSettings open() {
    return new AccessSettings(Optional.empty());
  }
}
