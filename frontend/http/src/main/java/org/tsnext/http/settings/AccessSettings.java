package org.tsnext.http.settings;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Who may connect, and what they may ask.
 *
 * @param tokens empty if clients need none
 * @param hosts names that clients may call the server by
 * @param connections how many there may be, and for how long
 */
public record AccessSettings(
    Optional<TokenSettings> tokens, HostSettings hosts, ConnectionLimits connections) {

  public AccessSettings {
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(hosts, "hosts");
    Objects.requireNonNull(connections, "connections");
  }

  /** Any client that can reach the server can use it, by one of its names; without limits. */
  public static AccessSettings open() {
    return new AccessSettings(
        Optional.empty(), new HostSettings(List.of()), ConnectionLimits.none());
  }
}
