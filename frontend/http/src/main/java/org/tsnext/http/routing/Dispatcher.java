package org.tsnext.http.routing;

import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import java.util.List;
import java.util.Optional;
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
      throw ErrorRenderer.notFound();
    }
    RouteTable.Match match = found.get();
    if (match.handler().isEmpty()) {
      exchange.fail(ErrorRenderer.methodNotAllowed(), match.allowed());
      return;
    }
    match.handler().get().handle(new RoutedRequest(exchange, match.parameters(), target.query()));
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
