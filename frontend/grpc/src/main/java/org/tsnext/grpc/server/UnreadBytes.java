package org.tsnext.grpc.server;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.BodyRoom;

/**
 * Stands before the codec of a connection, and counts what has been received and no call has asked
 * for yet: messages that a client sends ahead of its answers. Where there is no room for them, the
 * streams that sent them are reset. On the connection's event loop.
 */
final class UnreadBytes extends ChannelInboundHandlerAdapter {

  private static final Logger LOG = LoggerFactory.getLogger(UnreadBytes.class);

  private final BodyRoom room;
  private final CallWatch calls;
  private ChannelHandlerContext codec;
  private CallFrames frames;

  UnreadBytes(BodyMemory memory, CallWatch calls) {
    this.room = memory.begin(0);
    this.calls = calls;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (codec == null) {
      codec = ctx.pipeline().context(Http2ConnectionHandler.class);
      if (codec != null) {
        frames = CallFrames.listenTo((Http2ConnectionHandler) codec.handler(), calls);
      }
    }
    ctx.fireChannelRead(message);
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    // Behind this one messages are read: what is left after that is unread.
    ctx.fireChannelReadComplete();
    if (frames != null && !room.resize(frames.unread())) {
      reset(frames.ahead());
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    room.release();
    ctx.fireChannelInactive();
  }

  private void reset(List<Integer> streams) {
    LOG.debug("Reset streams {}, which sent ahead beyond the memory for bodies", streams);
    Http2ConnectionHandler http2 = (Http2ConnectionHandler) codec.handler();
    long reason = Http2Error.ENHANCE_YOUR_CALM.code();
    try {
      for (int stream : streams) {
        // As if the client had taken it back, so that its handler stops.
        http2.decoder().frameListener().onRstStreamRead(codec, stream, reason);
        var unused = http2.encoder().writeRstStream(codec, stream, reason, codec.newPromise());
      }
    } catch (Http2Exception e) {
      http2.onError(codec, false, e);
    }
    codec.flush();
  }
}
