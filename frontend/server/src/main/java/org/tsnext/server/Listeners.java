package org.tsnext.server;

import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Clock;
import org.tsnext.grpc.BoundGrpcListener;
import org.tsnext.grpc.GrpcServers;
import org.tsnext.http.BoundListener;
import org.tsnext.http.HttpServer;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.server.lifecycle.StartException;

/** All listeners of the server: opened one after the other, closed together. */
final class Listeners {
  private static final Logger LOGGER = LoggerFactory.getLogger(Listeners.class);

  private final HttpServer http;
  private final Optional<GrpcServers> grpc;
  private final Clock clock;

  Listeners(HttpServer http, Optional<GrpcServers> grpc, Clock clock) {
    this.http = http;
    this.grpc = grpc;
    this.clock = clock;
  }

  /**
   * Opens them.
   *
   * @return the addresses by role, as they really are, in the order in which they are shown
   */
  Map<String, String> bind() throws StartException {
    Map<String, String> addresses = new LinkedHashMap<>();
    try {
      for (BoundListener listener : http.bind()) {
        for (ListenerRole role : ListenerRole.values()) {
          if (listener.roles().contains(role)) {
            String name = role.name().toLowerCase(Locale.ROOT);
            addresses.put(name, listener.address().toString());
            LOGGER.info("The {} API listens on {}", name, listener.address());
          }
        }
      }
      if (grpc.isPresent()) {
        for (BoundGrpcListener listener : grpc.get().bind()) {
          addresses.put(shown(listener.role()), listener.address());
          LOGGER.info("The gRPC {} API listens on {}", listener.role(), listener.address());
        }
      }
    } catch (IOException e) {
      throw new StartException(e.getMessage(), e);
    }
    return addresses;
  }

  private static String shown(String grpcRole) {
    return switch (grpcRole) {
      case "inference" -> "grpc";
      case "management" -> "grpc mgmt";
      default -> "grpc " + grpcRole;
    };
  }

  /**
   * Takes no new connections, lets what is in flight end within {@code limit} altogether, then
   * closes every connection. Blocks.
   */
  void close(Duration limit) {
    long endNanos = clock.nanoTime() + limit.toNanos();
    grpc.ifPresent(GrpcServers::stopAccepting);
    http.close(limit);
    grpc.ifPresent(
        servers -> servers.close(Duration.ofNanos(Math.max(0, endNanos - clock.nanoTime()))));
  }
}
