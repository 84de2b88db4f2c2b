package org.tsnext.http;

import java.util.Set;

/** A listener that is open, with the port it really has. */
public record BoundListener(Set<ListenerRole> roles, ListenAddress address) {

  public BoundListener {
    roles = Set.copyOf(roles);
  }
}
