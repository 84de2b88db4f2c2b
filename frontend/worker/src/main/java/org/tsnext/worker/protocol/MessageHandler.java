package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.Optional;

/** Frames in, {@link WorkerMessage}s out. */
public final class MessageHandler extends ChannelInboundHandlerAdapter {

  private final FrameLimits limits;
  private MessageAssembler assembler;

  public MessageHandler(FrameLimits limits) {
    this.limits = limits;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    assembler = new MessageAssembler(FrameType.Sender.WORKER, limits, ctx.alloc());
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    assembler.close();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object frame) throws ProtocolException {
    if (!ctx.channel().isOpen()) {
      // An earlier frame of the same read was refused.
      ((ByteBuf) frame).release();
      return;
    }
    Optional<Message> message = assembler.add((ByteBuf) frame);
    if (message.isPresent()) {
      ctx.fireChannelRead(WorkerMessageDecoder.decode(message.get()));
    }
  }
}
