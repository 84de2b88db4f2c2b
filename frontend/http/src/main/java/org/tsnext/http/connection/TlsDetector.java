package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Looks at the first byte of a connection to an https listener: a client that speaks plain HTTP is
 * told so in plain HTTP. Then it leaves.
 */
final class TlsDetector extends ChannelInboundHandlerAdapter {

  /** The type of a TLS record that holds a handshake message; no method begins with it. */
  private static final int HANDSHAKE = 22;

  private final Runnable onPlain;

  /**
   * @param onPlain puts the handlers for plain HTTP behind this one
   */
  TlsDetector(Runnable onPlain) {
    this.onPlain = onPlain;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf first = (ByteBuf) message;
    if (!first.isReadable()) {
      first.release();
      return;
    }
    if (first.getByte(first.readerIndex()) != HANDSHAKE) {
      onPlain.run();
    }
    ctx.fireChannelRead(first);
    ctx.pipeline().remove(this);
  }
}
