package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What a client is told that asked for a path which its listener does not have: the listener that
 * has it, or the nearest route. Thread-safe.
 */
public final class RouteHints {

  private static final List<String> GRPC_SERVICES =
      List.of("org.pytorch.serve.grpc.", "inference.GRPCInferenceService", "grpc.");

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final Map<String, String> switchedOff = new ConcurrentHashMap<>();

  /**
   * A listener that is open.
   *
   * @param key configuration key of its address
   */
  private record Listener(String key, String address, RouteTable routes) {}

  /**
   * A listener is open.
   *
   * @param key configuration key of its address
   */
  public void add(String key, String address, RouteTable routes) {
    listeners.add(new Listener(key, address, routes));
  }

  /**
   * There are no routes below a segment unless a setting is changed.
   *
   * @param segment the first one of such paths
   * @param hint what to do
   */
  public void switchedOff(String segment, String hint) {
    switchedOff.put(segment, hint);
  }

  /**
   * What to try instead.
   *
   * @param own the routes of the listener that was asked
   */
  Optional<String> of(RouteTable own, HttpMethod method, List<String> path) {
    if (path.size() == 2 && GRPC_SERVICES.stream().anyMatch(path.get(0)::startsWith)) {
      return Optional.of(
          "This is a call of gRPC, which has ports of its own: grpc_inference_port and"
              + " grpc_management_port.");
    }
    Optional<String> elsewhere =
        listeners.stream()
            .filter(listener -> listener.routes() != own)
            .filter(listener -> hasRoute(listener.routes(), method, path))
            .findFirst()
            .map(
                listener ->
                    "This path is served at " + listener.address() + " (" + listener.key() + ").");
    return elsewhere
        .or(
            () ->
                path.isEmpty()
                    ? Optional.empty()
                    : Optional.ofNullable(switchedOff.get(path.get(0))))
        .or(() -> own.nearest(path).map(near -> "Did you mean " + near + "?"));
  }

  private static boolean hasRoute(RouteTable routes, HttpMethod method, List<String> path) {
    return routes.find(method, path).flatMap(RouteTable.Match::route).isPresent();
  }
}
