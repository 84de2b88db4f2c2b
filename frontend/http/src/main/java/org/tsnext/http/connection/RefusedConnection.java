package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A connection beyond the limit. It serves one request for {@code /ping}, so that a server with
 * many clients is not taken for a dead one; whatever else comes is answered 503. Both end the
 * connection, and so does the time limit.
 */
@SuppressWarnings("FutureReturnValueIgnored") // the connection ends in any case
final class RefusedConnection extends ChannelInboundHandlerAdapter {

  /**
   * For a client that sends nothing; and after the 503, while what still comes is thrown away,
   * since the client would see a reset rather than the response.
   */
  private static final long LINGER_MILLIS = 500;

  /** For the answer to a ping, and for a handshake of TLS before it. */
  private static final long PING_LIMIT_MILLIS = 5000;

  private static final byte[] PING = "GET /ping ".getBytes(StandardCharsets.US_ASCII);

  private static final String BODY =
      """
      {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": "The server has as many connections as it takes; try again later."
      }
      """;

  private static final byte[] RESPONSE =
      ("HTTP/1.1 503 Service Unavailable\r\n"
              + "content-type: application/json\r\n"
              + "retry-after: 1\r\n"
              + "content-length: "
              + BODY.length()
              + "\r\nconnection: close\r\n\r\n"
              + BODY)
          .getBytes(StandardCharsets.US_ASCII);

  private final Consumer<ChannelHandlerContext> servePing;
  private final ByteBuf start = Unpooled.buffer(PING.length);

  /** Whether the client can send a request: with TLS, after the handshake. */
  private boolean begun;

  private boolean refused;

  /**
   * @param servePing has the connection serve one request, in place of this handler
   */
  RefusedConnection(Consumer<ChannelHandlerContext> servePing) {
    this.servePing = servePing;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    if (ctx.pipeline().get(SslHandler.class) == null) {
      begin(ctx);
    } else {
      ctx.executor().schedule(() -> closeIfNotBegun(ctx), PING_LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake) {
      if (handshake.isSuccess()) {
        begin(ctx);
      } else {
        ctx.close();
      }
    }
  }

  private void begin(ChannelHandlerContext ctx) {
    begun = true;
    ctx.executor().schedule(() -> refuseIfSilent(ctx), LINGER_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void closeIfNotBegun(ChannelHandlerContext ctx) {
    if (!begun) {
      ctx.close();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf received = (ByteBuf) message;
    if (refused) {
      received.release();
      return;
    }
    int offset = start.readableBytes();
    int length = Math.min(PING.length - offset, received.readableBytes());
    start.writeBytes(received, received.readerIndex(), length);
    if (!start.equals(Unpooled.wrappedBuffer(PING, 0, start.readableBytes()))) {
      received.release();
      refuse(ctx);
    } else if (start.readableBytes() < PING.length) {
      received.release();
    } else {
      received.skipBytes(length);
      ctx.executor().schedule(() -> ctx.close(), PING_LIMIT_MILLIS, TimeUnit.MILLISECONDS);
      servePing.accept(ctx);
      ctx.fireChannelRead(Unpooled.wrappedBuffer(start, received));
      ctx.fireChannelReadComplete();
      ctx.pipeline().remove(this);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }

  private void refuseIfSilent(ChannelHandlerContext ctx) {
    if (!refused && !ctx.isRemoved()) {
      refuse(ctx);
    }
  }

  private void refuse(ChannelHandlerContext ctx) {
    refused = true;
    ctx.writeAndFlush(Unpooled.wrappedBuffer(RESPONSE))
        .addListener(
            written -> {
              if (written.isSuccess()) {
                endOutput(ctx);
              }
            });
    ctx.executor().schedule(() -> ctx.close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
  }

  private static void endOutput(ChannelHandlerContext ctx) {
    SslHandler tls = ctx.pipeline().get(SslHandler.class);
    if (tls != null) {
      tls.closeOutbound();
    } else if (ctx.channel() instanceof DuplexChannel duplex) {
      duplex.shutdownOutput();
    }
  }
}
