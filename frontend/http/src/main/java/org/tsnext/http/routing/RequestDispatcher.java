package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.access.Access;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.connection.RequestRouter;
import org.tsnext.http.request.Authority;
import org.tsnext.http.request.QueryParameters;
import org.tsnext.http.request.RequestTarget;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.Response;
import org.tsnext.http.settings.CorsSettings;

/**
 * Finds the route of each request by its head, and lets a guard look at it before the body is read.
 * Immutable, shared by all connections of a listener.
 */
public final class RequestDispatcher implements RequestRouter {

  private static final Logger LOG = LoggerFactory.getLogger(RequestDispatcher.class);

  private static final Header EVERY_METHOD =
      new Header("allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");

  private static final Set<HttpMethod> KNOWN_METHODS =
      Set.of(
          HttpMethod.GET,
          HttpMethod.HEAD,
          HttpMethod.POST,
          HttpMethod.PUT,
          HttpMethod.DELETE,
          HttpMethod.CONNECT,
          HttpMethod.OPTIONS,
          HttpMethod.TRACE,
          HttpMethod.PATCH,
          HttpMethod.valueOf("QUERY"));

  /** A route may still say that it does something. */
  private static final Set<HttpMethod> READING_METHODS =
      Set.of(HttpMethod.GET, HttpMethod.HEAD, HttpMethod.OPTIONS);

  private final RouteTable routes;
  private final boolean respondToPreflights;
  private final List<Header> preflightHeaders;
  private final RequestGuard guard;
  private final RouteHints hints;
  private final RequestFollower follower;
  private final Optional<LandingPage> landingPage;

  /**
   * Makes the dispatcher of a listener.
   *
   * @param cors if it is configured, a browser's question before the request is answered for every
   *     path
   * @param hints for paths that have no route here
   * @param landingPage for people who ask for {@code /}; empty if there is none
   */
  public RequestDispatcher(
      RouteTable routes,
      CorsSettings cors,
      RequestGuard guard,
      RouteHints hints,
      Optional<LandingPage> landingPage,
      RequestFollower follower) {
    this.follower = follower;
    this.routes = routes;
    this.landingPage = landingPage;
    this.hints = hints;
    this.respondToPreflights = cors.configured();
    this.preflightHeaders = cors.preflightHeaders();
    this.guard = guard;
  }

  @Override
  public Destination route(HttpRequest head) {
    try {
      return find(head);
    } catch (ServingException e) {
      return new AtOnce(exchange -> exchange.fail(e));
    } catch (Throwable e) {
      LOG.error("The route of a request {} could not be found", head.method(), e);
      return new AtOnce(exchange -> exchange.fail(ServingException.internal(e)));
    }
  }

  private Destination find(HttpRequest head) {
    if (respondToPreflights && isPreflight(head)) {
      // A browser asks without a token, since it does not know yet whether it may send one.
      return new AtOnce(exchange -> exchange.send(Response.noContent(preflightHeaders)));
    }
    if (head.method().equals(HttpMethod.CONNECT) && Authority.isHostAndPort(head.uri())) {
      return new AtOnce(RequestDispatcher::refuseTunnel);
    }
    RequestTarget target = RequestTarget.parse(head.uri());
    if (target.asterisk()) {
      return asterisk(head);
    }
    if (landingPage.isPresent() && target.segments().isEmpty() && LandingPage.isWanted(head)) {
      guard.check(head, Access.PAGE, false);
      return new AtOnce(landingPage.get()::lead);
    }
    Optional<RouteTable.Match> found = routes.find(head.method(), target.segments());
    guard.check(
        head,
        found.map(RouteTable.Match::access).orElse(Access.NOWHERE),
        !READING_METHODS.contains(head.method())
            || (found.isPresent() && found.get().acts(target.query())));
    if (found.isEmpty() || found.get().route().isEmpty()) {
      requireKnown(head.method());
    }
    if (found.isEmpty()) {
      throw hints
          .of(routes, head.method(), target.segments())
          .map(ErrorRenderer.notFound()::withDetail)
          .orElseGet(ErrorRenderer::notFound);
    }
    RouteTable.Match match = found.get();
    if (match.route().isEmpty()) {
      String detail =
          "Method "
              + head.method()
              + " is not one of this path: "
              + String.join(", ", match.allowed())
              + ".";
      return new AtOnce(
          exchange ->
              exchange.fail(ErrorRenderer.methodNotAllowed().withDetail(detail), match.allowed()));
    }
    return new Handled(match.route().get(), match.parameters(), target.query(), follower);
  }

  /** What the client sends for the other end of its tunnel is not taken for a request. */
  private static void refuseTunnel(Exchange exchange) {
    exchange.closeAfterwards();
    exchange.fail(
        new ServingException(
            ErrorKind.PROXY_REQUESTED, "Method CONNECT is not implemented: this is no proxy."));
  }

  /** An unknown method is not implemented; a known one is not allowed here. */
  private static void requireKnown(HttpMethod method) {
    if (!KNOWN_METHODS.contains(method)) {
      String name = method.name();
      throw new ServingException(
          ErrorKind.NOT_SUPPORTED,
          "Method "
              + (name.length() > 40 ? name.substring(0, 40) + "..." : name)
              + " is not implemented.");
    }
  }

  private static Destination asterisk(HttpRequest head) {
    if (!head.method().equals(HttpMethod.OPTIONS)) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST, "The request target * goes with the method OPTIONS only.");
    }
    return new AtOnce(exchange -> exchange.send(Response.noContent(List.of(EVERY_METHOD))));
  }

  private static boolean isPreflight(HttpRequest head) {
    return head.method().equals(HttpMethod.OPTIONS)
        && head.headers().contains(HttpHeaderNames.ORIGIN)
        && head.headers().contains(HttpHeaderNames.ACCESS_CONTROL_REQUEST_METHOD);
  }

  /** An answer that no body changes. */
  private record AtOnce(Consumer<Exchange> responder) implements Destination {
    @Override
    public boolean wantsBody() {
      return false;
    }

    @Override
    public void respond(Exchange exchange) {
      responder.accept(exchange);
    }
  }

  /** The way to a route's handler. */
  private record Handled(
      Route route, Map<String, String> parameters, QueryParameters query, RequestFollower follower)
      implements Destination {
    @Override
    public boolean wantsBody() {
      return true;
    }

    @Override
    public void respond(Exchange exchange) {
      try {
        follower.begin(exchange, route);
        route.handler().handle(new RoutedRequest(exchange, parameters, query));
      } catch (ServingException e) {
        exchange.fail(e);
      } catch (Throwable e) {
        LOG.error("Request {} {} failed", exchange.requestId(), exchange.method(), e);
        exchange.fail(ServingException.internal(e));
      }
    }
  }
}
