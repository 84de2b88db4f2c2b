package org.tsnext.http.connection;

import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes what concerns an HTTP/2 connection as a whole: settings, pings, good-byes, errors. */
@Sharable
@SuppressWarnings("FutureReturnValueIgnored") // a failed write or close ends the connection
final class Http2ConnectionEnd extends ChannelInboundHandlerAdapter {

  static final Http2ConnectionEnd INSTANCE = new Http2ConnectionEnd();

  private static final Logger LOG = LoggerFactory.getLogger(Http2ConnectionEnd.class);

  /** Beyond the 64 KiB of the protocol, for all streams of a connection together. */
  private static final int MORE_WINDOW = 4 << 20;

  private Http2ConnectionEnd() {}

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    ctx.writeAndFlush(new DefaultHttp2WindowUpdateFrame(MORE_WINDOW));
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ReferenceCountUtil.release(message);
  }

  /** The codec has said good-bye with the reason, and closes, where that is due. */
  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    boolean ofClient =
        cause instanceof Http2Exception
            || cause instanceof IOException
            || cause.getCause() instanceof IOException;
    if (ofClient) {
      LOG.debug("HTTP/2 with {} broke: {}", RemoteAddress.of(ctx.channel()), cause.toString());
    } else {
      LOG.error("Failure on the connection of {}", RemoteAddress.of(ctx.channel()), cause);
    }
    if (!(cause instanceof Http2Exception)) {
      ctx.close();
    }
  }
}
