package org.tsnext.http.connection;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.connection.RequestRouter.Destination;
import org.tsnext.http.request.RequestTarget;
import org.tsnext.transport.BodyMemory;

/**
 * Puts requests together and brings whole ones, as {@link Exchange}s, to where their heads go.
 * Refuses malformed and oversized ones, and answers {@code Expect}.
 */
final class RequestAssembler extends SimpleChannelInboundHandler<HttpObject> {

  /** A declared body up to this size is read and thrown away, so that the connection survives. */
  private static final long MAX_DISCARDED = 64L << 20;

  private static final byte[] CONTINUE =
      "HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private enum State {
    HEAD,
    BODY,
    /** The request has been refused; the rest of its body is skipped. */
    DISCARD
  }

  private final ConnectionHandler connection;
  private final ResponseWriter writer;
  private final int maxBody;
  private final BodyMemory memory;
  private final RequestRouter router;
  private State state = State.HEAD;
  private HttpRequest head;
  private Destination destination;
  private long startNanos;
  private BodyCollector body;

  RequestAssembler(ConnectionHandler connection, ServerContext server, RequestRouter router) {
    this.connection = connection;
    this.writer = new Http1Writer(connection);
    this.maxBody = server.bodies().maxRequestSize();
    this.memory = server.bodies().memory();
    this.router = router;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
    if (message instanceof HttpRequest request) {
      readHead(ctx, request);
    }
    if (message instanceof HttpContent content) {
      readContent(content);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == ConnectionWatch.BODY_TOO_SLOW && state == State.BODY) {
      refuse(RequestChecks.tooSlow(), false);
    }
    ctx.fireUserEventTriggered(event);
  }

  /** The last handler: what fails here, or where a request is handed to, reaches no other. */
  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    dropBody();
    if (connection.isReceiving() && head != null) {
      beginWithoutBody(false);
    }
    connection.fail(cause);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    dropBody();
    ctx.fireChannelInactive();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    dropBody();
  }

  private void readHead(ChannelHandlerContext ctx, HttpRequest request) {
    head = request;
    startNanos = connection.server().clock().nanoTime();
    connection.receiving();
    Optional<ServingException> defect = RequestChecks.defect(request);
    if (defect.isPresent()) {
      refuse(defect.get(), false);
      return;
    }
    if (!request.uri().startsWith("/")) {
      RequestTarget.authority(request.uri())
          .ifPresent(host -> request.headers().set(HttpHeaderNames.HOST, host));
    }
    boolean version11 = request.protocolVersion().equals(HttpVersion.HTTP_1_1);
    String expectation = request.headers().get(HttpHeaderNames.EXPECT);
    boolean expects = expectation != null && version11;
    long declared = HttpUtil.getContentLength(request, 0L);
    if (expects && !expectation.equalsIgnoreCase("100-continue")) {
      refuse(RequestChecks.unknownExpectation(expectation), false);
      return;
    }
    destination = router.route(request);
    // After a refused expectation it is unknown whether the body or the next request follows.
    boolean skippable =
        !expects && declared <= MAX_DISCARDED && !HttpUtil.isTransferEncodingChunked(request);
    if (!destination.wantsBody()) {
      respondAtOnce(skippable);
    } else if (declared > maxBody) {
      refuse(RequestChecks.tooLarge(maxBody), skippable);
    } else if (!memory.hasRoom(declared)) {
      refuse(RequestChecks.noRoom(declared > BodyMemory.MAX_SMALL), skippable);
    } else {
      state = State.BODY;
      body = new BodyCollector(ctx.alloc(), memory.begin(declared));
      if (expects && (declared > 0 || HttpUtil.isTransferEncodingChunked(request))) {
        connection.write(Unpooled.wrappedBuffer(CONTINUE));
        connection.flush();
      }
    }
  }

  private void readContent(HttpContent content) {
    if (state == State.BODY) {
      if (content.decoderResult().isFailure()) {
        String reason = RequestChecks.reason(content.decoderResult().cause());
        refuse(RequestChecks.malformed(reason), false);
      } else if (!body.add(content.content().retain())) {
        refuse(RequestChecks.noRoom(body.isLargeWith(content.content())), false);
      } else if (body.size() > maxBody) {
        refuse(RequestChecks.tooLarge(maxBody), false);
      }
    }
    if (content instanceof LastHttpContent) {
      boolean complete = state == State.BODY;
      state = State.HEAD;
      if (complete) {
        handOn();
      }
    }
  }

  private void handOn() {
    Exchange exchange = new Exchange(writer, head, body.take(), startNanos);
    exchange.holds(body.room());
    body = null;
    head = null;
    connection.begin(exchange);
    destination.respond(exchange);
  }

  private void refuse(ServingException error, boolean keepAlive) {
    dropBody();
    beginWithoutBody(keepAlive).fail(error);
  }

  private void respondAtOnce(boolean keepAlive) {
    destination.respond(beginWithoutBody(keepAlive));
  }

  /** Whatever follows up to the next head is skipped. */
  private Exchange beginWithoutBody(boolean keepAlive) {
    state = State.DISCARD;
    Exchange exchange = new Exchange(writer, head, Unpooled.EMPTY_BUFFER, startNanos);
    if (!keepAlive) {
      exchange.closeAfterwards();
    }
    connection.begin(exchange);
    return exchange;
  }

  private void dropBody() {
    if (body != null) {
      body.release();
      body = null;
    }
  }
}
