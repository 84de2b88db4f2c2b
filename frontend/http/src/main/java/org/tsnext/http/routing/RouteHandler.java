package org.tsnext.http.routing;

/** Answers the requests of a route. */
@FunctionalInterface
public interface RouteHandler {

  /**
   * Called on the connection's event loop; must not block. Answers through the exchange, now or
   * later.
   *
   * @throws org.tsnext.core.error.ServingException is answered as an error
   */
  void handle(RoutedRequest request);
}
