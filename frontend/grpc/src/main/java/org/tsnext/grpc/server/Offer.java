package org.tsnext.grpc.server;

import io.grpc.ServerServiceDefinition;
import java.util.Set;
import org.tsnext.core.access.Access;

/**
 * A service that a listener offers.
 *
 * @param access what its rpcs ask of their callers
 * @param probes names of those rpcs that are {@link Access#PROBE} instead
 */
public record Offer(ServerServiceDefinition service, Access access, Set<String> probes) {

  public Offer {
    probes = Set.copyOf(probes);
  }

  /** A service all of whose rpcs ask the same. */
  public Offer(ServerServiceDefinition service, Access access) {
    this(service, access, Set.of());
  }

  Access accessOf(String bareMethodName) {
    return probes.contains(bareMethodName) ? Access.PROBE : access;
  }
}
