package org.tsnext.http;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Who may connect, and what they may ask.
 *
 * @param tokens empty if clients need none
 * @param hosts names that clients may call the server by
 */
public record AccessSettings(Optional<TokenSettings> tokens, HostSettings hosts) {

  public AccessSettings {
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(hosts, "hosts");
  }

  /** Whoever reaches the server is served, if it is called by a name of its own. */
  public static AccessSettings open() {
    return new AccessSettings(Optional.empty(), new HostSettings(List.of()));
  }
}
