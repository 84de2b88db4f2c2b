package org.tsnext.grpc.settings;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * Where one gRPC listener waits for connections, and what these may.
 *
 * @param host name or address
 * @param port 0 for any free port
 * @param portKey configuration key of the port, named in errors
 * @param maxConnections how many there may be at a time; zero for no limit
 * @param maxConnectionsKey configuration key of that number, for the log
 * @param maxAge how old a connection may become; empty for no limit
 * @param maxAgeGrace what its calls may still take beyond that; empty for no limit
 */
public record GrpcAddress(
    String host,
    int port,
    String portKey,
    int maxConnections,
    String maxConnectionsKey,
    Optional<Duration> maxAge,
    Optional<Duration> maxAgeGrace) {

  public GrpcAddress {
    Objects.requireNonNull(host, "host");
    Objects.requireNonNull(portKey, "portKey");
    Objects.requireNonNull(maxConnectionsKey, "maxConnectionsKey");
    Objects.requireNonNull(maxAge, "maxAge");
    Objects.requireNonNull(maxAgeGrace, "maxAgeGrace");
  }
}
