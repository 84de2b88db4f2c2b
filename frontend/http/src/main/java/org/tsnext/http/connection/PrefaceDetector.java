package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2CodecUtil;

/**
 * Looks whether a plain connection begins with the preface of HTTP/2, which is no request of
 * HTTP/1. Then it leaves, at the second byte of almost every connection.
 */
final class PrefaceDetector extends ChannelInboundHandlerAdapter {

  private static final ByteBuf PREFACE = Http2CodecUtil.connectionPrefaceBuf();

  private final Runnable onPreface;

  /** What has come, as long as it can be either. */
  private ByteBuf held;

  /**
   * @param onPreface puts the handlers of HTTP/2 behind this one, in place of those of HTTP/1
   */
  PrefaceDetector(Runnable onPreface) {
    this.onPreface = onPreface;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf first = (ByteBuf) message;
    if (held != null) {
      first = held.writeBytes(first);
      ((ByteBuf) message).release();
      held = null;
    }
    int length = Math.min(first.readableBytes(), PREFACE.readableBytes());
    boolean matches =
        ByteBufUtil.equals(first, first.readerIndex(), PREFACE, PREFACE.readerIndex(), length);
    if (matches && length < PREFACE.readableBytes()) {
      held = ctx.alloc().buffer().writeBytes(first);
      first.release();
      return;
    }
    if (matches) {
      onPreface.run();
    }
    ctx.fireChannelRead(first);
    ctx.pipeline().remove(this);
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    if (held != null) {
      held.release();
      held = null;
    }
  }
}
