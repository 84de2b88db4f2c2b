package org.tsnext.http.connection;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Answers 503 to a connection that is one too many, whatever it asks, and closes it. Without the
 * moment in which what comes is thrown away, the client would see a reset rather than the answer.
 */
@SuppressWarnings("FutureReturnValueIgnored") // the connection ends in any case
final class RefusedConnection extends ChannelInboundHandlerAdapter {

  private static final long LINGER_MILLIS = 500;

  private static final String BODY =
      """
      {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": "The server has as many connections as it takes; try again later."
      }
      """;

  private static final byte[] ANSWER =
      ("HTTP/1.1 503 Service Unavailable\r\n"
              + "content-type: application/json\r\n"
              + "retry-after: 1\r\n"
              + "content-length: "
              + BODY.length()
              + "\r\nconnection: close\r\n\r\n"
              + BODY)
          .getBytes(StandardCharsets.US_ASCII);

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    ctx.writeAndFlush(Unpooled.wrappedBuffer(ANSWER))
        .addListener(
            written -> {
              if (written.isSuccess() && ctx.channel() instanceof DuplexChannel duplex) {
                duplex.shutdownOutput();
              }
            });
    ctx.executor().schedule(() -> ctx.close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ReferenceCountUtil.release(message);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }
}
