package org.tsnext.http.routing;

import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.RequestTarget;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.Response;

/** Finds the route of each request. Without state, shared by all connections of a listener. */
@Sharable
public final class Dispatcher extends SimpleChannelInboundHandler<Exchange> {

  private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

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
          HttpMethod.PATCH);

  private final RouteTable routes;
  private final boolean answerPreflights;

  /**
   * Makes the dispatcher of a listener.
   *
   * @param answerPreflights whether CORS is configured, so that a browser's question before the
   *     request is answered for every path
   */
  public Dispatcher(RouteTable routes, boolean answerPreflights) {
    this.routes = routes;
    this.answerPreflights = answerPreflights;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, Exchange exchange) {
    try {
      dispatch(exchange);
    } catch (ServingException e) {
      exchange.fail(e);
    } catch (RuntimeException e) {
      LOG.error("Request {} {} failed", exchange.requestId(), exchange.method(), e);
      exchange.fail(new ServingException(ErrorKind.INTERNAL, "Internal server error.", e));
    }
  }

  private void dispatch(Exchange exchange) {
    if (answerPreflights && isPreflight(exchange)) {
      exchange.send(Response.noContent(List.of()));
      return;
    }
    RequestTarget target = RequestTarget.parse(exchange.rawTarget());
    if (target.asterisk()) {
      answerAsterisk(exchange);
      return;
    }
    Optional<RouteTable.Match> found = routes.find(exchange.method(), target.segments());
    if (found.isEmpty()) {
      requireKnown(exchange.method());
      throw ErrorRenderer.notFound();
    }
    RouteTable.Match match = found.get();
    if (match.handler().isEmpty()) {
      requireKnown(exchange.method());
      exchange.fail(ErrorRenderer.methodNotAllowed(), match.allowed());
      return;
    }
    match.handler().get().handle(new RoutedRequest(exchange, match.parameters(), target.query()));
  }

  /** A method that nobody has heard of is not implemented; a known one is not allowed here. */
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

  private static void answerAsterisk(Exchange exchange) {
    if (!exchange.method().equals(HttpMethod.OPTIONS)) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST, "The request target * goes with the method OPTIONS only.");
    }
    exchange.send(Response.noContent(List.of(EVERY_METHOD)));
  }

  private static boolean isPreflight(Exchange exchange) {
    return exchange.method().equals(HttpMethod.OPTIONS)
        && exchange.headers().contains(HttpHeaderNames.ORIGIN)
        && exchange.headers().contains(HttpHeaderNames.ACCESS_CONTROL_REQUEST_METHOD);
  }
}
