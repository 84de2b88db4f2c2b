package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2StreamFrame;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.connection.RequestRouter.Destination;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.BodyRoom;

/**
 * Puts the request of a stream together and brings it, as an {@link Exchange}, to where its head
 * goes, with the same checks and refusals as for HTTP/1.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a failed close ends in channelInactive
final class Http2RequestReader extends SimpleChannelInboundHandler<Http2StreamFrame> {

  private static final Logger LOG = LoggerFactory.getLogger(Http2RequestReader.class);

  /** After an early answer this much is read and thrown away: not every client stops when told. */
  private static final long MAX_DISCARDED = 64L << 20;

  private final ServerContext server;
  private final RequestRouter router;
  private final BodyRoom headRoom;
  private Http2Writer writer;
  private HttpRequest head;
  private Destination destination;
  private long startNanos;
  private BodyCollector body;
  private long discarded;
  private Exchange exchange;

  Http2RequestReader(ServerContext server, RequestRouter router) {
    this.server = server;
    this.router = router;
    this.headRoom = server.bodies().memory().begin(0);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    writer = new Http2Writer(server, ctx);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, Http2StreamFrame frame) {
    if (frame instanceof Http2HeadersFrame headers) {
      if (headers.isEndStream()) {
        writer.requestComplete();
      }
      if (head == null) {
        startNanos = server.clock().nanoTime();
        readHead(ctx, headers.headers());
      }
      handOnIfLast(headers.isEndStream());
    } else if (frame instanceof Http2DataFrame data) {
      if (data.isEndStream()) {
        writer.requestComplete();
      }
      readData(data.content());
      handOnIfLast(data.isEndStream());
    }
  }

  private void readHead(ChannelHandlerContext ctx, Http2Headers headers) {
    try {
      head = Http2Requests.request(headers);
    } catch (ServingException e) {
      head = Http2Requests.malformed(headers);
      refuse(e);
      return;
    }
    long size = HeadSize.of(head);
    if (!headRoom.grow(size)) {
      head = new DefaultHttpRequest(head.protocolVersion(), head.method(), head.uri());
      refuse(RequestChecks.noRoom(headRoom.isLarge(size)));
      return;
    }
    Optional<ServingException> defect = RequestChecks.defect(head).or(this::unexpected);
    if (defect.isPresent()) {
      refuse(defect.get());
      return;
    }
    destination = router.route(head);
    if (!destination.wantsBody()) {
      destination.respond(begin(Unpooled.EMPTY_BUFFER));
      return;
    }
    long declared = HttpUtil.getContentLength(head, 0L);
    if (declared > server.bodies().maxRequestSize()) {
      refuse(RequestChecks.tooLarge(server.bodies().maxRequestSize()));
      return;
    }
    if (!server.bodies().memory().hasRoom(declared)) {
      refuse(RequestChecks.noRoom(declared > BodyMemory.MAX_SMALL));
      return;
    }
    body = new BodyCollector(ctx.alloc(), server.bodies().memory().begin(declared));
    if (head.headers().contains(HttpHeaderNames.EXPECT) && !writer.isRequestComplete()) {
      writer.writeContinue();
    }
  }

  private Optional<ServingException> unexpected() {
    String expectation = head.headers().get(HttpHeaderNames.EXPECT);
    return expectation == null || expectation.equalsIgnoreCase("100-continue")
        ? Optional.empty()
        : Optional.of(RequestChecks.unknownExpectation(expectation));
  }

  private void readData(ByteBuf content) {
    if (body != null) {
      if (!body.add(content.retain())) {
        refuse(RequestChecks.noRoom(body.isLargeWith(content)));
      } else if (body.size() > server.bodies().maxRequestSize()) {
        refuse(RequestChecks.tooLarge(server.bodies().maxRequestSize()));
      }
      return;
    }
    discarded += content.readableBytes();
    if (discarded > MAX_DISCARDED) {
      writer.refuseRest();
    }
  }

  private void handOnIfLast(boolean last) {
    if (last && body != null) {
      begin(body.take()).holds(body.room());
      body = null;
      destination.respond(exchange);
    }
  }

  /** Answers at once; what still comes of the body is thrown away. */
  private void refuse(ServingException error) {
    dropBody();
    begin(Unpooled.EMPTY_BUFFER).fail(error);
  }

  private Exchange begin(ByteBuf wholeBody) {
    exchange = new Exchange(writer, head, wholeBody, startNanos);
    return exchange;
  }

  /** The stream has been answered, or the client has taken it back, or the connection broke. */
  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    dropBody();
    headRoom.release();
    if (exchange != null) {
      exchange.clientGone();
    }
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof Http2Exception || cause instanceof IOException) {
      LOG.debug("A stream of {} broke: {}", writer.remote(), cause.toString());
      return;
    }
    LOG.error("Failure on a stream of {}", writer.remote(), cause);
    try {
      fail(cause);
    } catch (Throwable again) {
      LOG.error("That could not be answered", again);
      ctx.close();
    }
  }

  private void fail(Throwable cause) {
    ServingException error = ServingException.ofServer(cause);
    if (exchange == null) {
      refuse(error);
    } else {
      exchange.fail(error);
    }
  }

  private void dropBody() {
    if (body != null) {
      body.release();
      body = null;
    }
  }
}
