package org.tsnext.http;

import java.util.Set;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;

/** A listener that is open, with the port it really has. */
public record BoundListener(Set<ListenerRole> roles, ListenAddress address) {

  public BoundListener {
    roles = Set.copyOf(roles);
  }
}
