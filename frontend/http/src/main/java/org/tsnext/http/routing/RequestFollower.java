package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpHeaders;
import java.util.Map;
import java.util.function.Predicate;
import org.tsnext.core.access.Access;
import org.tsnext.core.tracing.Following;
import org.tsnext.core.tracing.Tracing.IncomingRequest;
import org.tsnext.http.connection.Exchange;

/** Follows the requests of a listener that ask models, as far as that is wanted. Any event loop. */
public final class RequestFollower {

  private final Following following;
  private final boolean asksForToken;

  /**
   * @param asksForToken what of the listener asks for a token
   */
  public RequestFollower(Following following, Predicate<Access> asksForToken) {
    this.following = following;
    this.asksForToken = asksForToken.test(Access.INFERENCE);
  }

  /** The request of an exchange has its route, and has passed the guards. */
  void begin(Exchange exchange, Route route) {
    if (follows(route, exchange.headers())) {
      exchange.follow(following.begin(incoming(exchange, route)), tellsTimes(exchange.headers()));
    }
  }

  /** Whether a request is followed. Where none is, this is all that a request costs here. */
  public boolean follows(Route route, HttpHeaders headers) {
    return route.access() == Access.INFERENCE
        && (following.tracing().isPresent() || tellsTimes(headers));
  }

  private boolean tellsTimes(HttpHeaders headers) {
    return following.timesForAll() || (asksForToken && wantsTimes(headers));
  }

  private static boolean wantsTimes(HttpHeaders headers) {
    return Following.WANTED.equals(headers.get(Following.HEADER));
  }

  private static IncomingRequest incoming(Exchange exchange, Route route) {
    String method = exchange.method().name();
    String template = route.template().documented();
    String target = exchange.rawTarget();
    int query = target.indexOf('?');
    return new IncomingRequest(
        method + " " + template,
        Map.of(
            "http.request.method",
            method,
            "http.route",
            template,
            "url.path",
            query < 0 ? target : target.substring(0, query),
            "url.scheme",
            exchange.isSecure() ? "https" : "http",
            "network.protocol.version",
            exchange.protocolVersion(),
            "torchserve.request_id",
            exchange.requestId()),
        exchange.startNanos(),
        exchange.headers()::getAll);
  }
}
