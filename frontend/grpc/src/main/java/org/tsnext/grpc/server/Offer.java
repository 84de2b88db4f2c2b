package org.tsnext.grpc.server;

import io.grpc.ServerServiceDefinition;
import java.util.Set;
import org.tsnext.grpc.GrpcAccess.Kind;

/**
 * A service that a listener offers.
 *
 * @param access what its rpcs ask of their callers
 * @param probes names of those rpcs that are {@link Kind#PROBE} instead
 */
public record Offer(ServerServiceDefinition service, Kind access, Set<String> probes) {

  public Offer {
    probes = Set.copyOf(probes);
  }

  /** A service all of whose rpcs ask the same. */
  public Offer(ServerServiceDefinition service, Kind access) {
    this(service, access, Set.of());
  }

  Kind accessOf(String bareMethodName) {
    return probes.contains(bareMethodName) ? Kind.PROBE : access;
  }
}
