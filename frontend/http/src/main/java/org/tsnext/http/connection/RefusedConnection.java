package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A connection beyond the limit. It serves one request of a probe, {@code /ping} or {@code /ready},
 * so that a server with many clients is not taken for a dead one; whatever else comes is answered
 * 503. Both end the connection, and so does the time limit.
 */
@SuppressWarnings("FutureReturnValueIgnored") // the connection ends in any case
final class RefusedConnection extends ChannelInboundHandlerAdapter {

  /**
   * For a client that sends nothing; and after the 503, while what still comes is thrown away,
   * since the client would see a reset rather than the response.
   */
  private static final long LINGER_MILLIS = 500;

  /** For the answer to a probe, and for a handshake of TLS before it. */
  private static final long PROBE_LIMIT_MILLIS = 5000;

  /** How the requests of probes begin; none of them is the beginning of another one. */
  private static final List<ByteBuf> PROBES =
      Stream.of("GET /ping ", "GET /ready ", "GET /ready/")
          .map(start -> Unpooled.wrappedBuffer(start.getBytes(StandardCharsets.US_ASCII)))
          .map(ByteBuf::asReadOnly)
          .toList();

  private static final int MAX_START =
      PROBES.stream().mapToInt(ByteBuf::readableBytes).max().orElseThrow();

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

  private final Consumer<ChannelHandlerContext> serveProbe;
  private final ByteBuf start = Unpooled.buffer(MAX_START);

  /** Whether the client can send a request: with TLS, after the handshake. */
  private boolean begun;

  private boolean refused;

  /**
   * @param serveProbe has the connection serve one request, in place of this handler
   */
  RefusedConnection(Consumer<ChannelHandlerContext> serveProbe) {
    this.serveProbe = serveProbe;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    if (ctx.pipeline().get(SslHandler.class) == null) {
      begin(ctx);
    } else {
      ctx.executor()
          .schedule(() -> closeIfNotBegun(ctx), PROBE_LIMIT_MILLIS, TimeUnit.MILLISECONDS);
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
    // Byte by byte, so that nothing is taken from behind the start of the shorter one.
    while (received.isReadable() && isStartOfProbe()) {
      if (isProbe()) {
        serve(ctx, received);
        return;
      }
      start.writeByte(received.readByte());
    }
    if (isProbe()) {
      serve(ctx, received);
    } else {
      received.release();
      if (!isStartOfProbe()) {
        refuse(ctx);
      }
    }
  }

  /** Whether what was read is the start of a probe, or the beginning of one. */
  private boolean isStartOfProbe() {
    int length = start.readableBytes();
    return PROBES.stream()
        .anyMatch(
            probe ->
                length <= probe.readableBytes() && ByteBufUtil.equals(probe, 0, start, 0, length));
  }

  private boolean isProbe() {
    return PROBES.stream().anyMatch(start::equals);
  }

  private void serve(ChannelHandlerContext ctx, ByteBuf received) {
    ctx.executor().schedule(() -> ctx.close(), PROBE_LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    serveProbe.accept(ctx);
    ctx.fireChannelRead(Unpooled.wrappedBuffer(start, received));
    ctx.fireChannelReadComplete();
    ctx.pipeline().remove(this);
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
