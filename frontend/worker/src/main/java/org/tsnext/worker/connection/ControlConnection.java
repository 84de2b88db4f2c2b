package org.tsnext.worker.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.worker.protocol.FrameEncoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.ProtocolErrors;
import org.tsnext.worker.protocol.ProtocolException;
import org.tsnext.worker.protocol.WorkerMessage.Response;
import org.tsnext.worker.protocol.WorkerMessage.Withdrawal;

/**
 * The second connection of a worker, which a thread of its own reads: so the worker can say, while
 * its handler runs, whether it has begun another batch. Nothing is lost with it: the worker then
 * says the same by its first connection, when it comes to the batch.
 */
public final class ControlConnection extends ChannelInboundHandlerAdapter {

  private static final Logger LOG = LoggerFactory.getLogger(ControlConnection.class);

  private final Channel channel;
  private final String name;
  private final FrameEncoder encoder;
  private final Consumer<Withdrawal> listener;

  /**
   * @param name of the worker, for the log
   * @param listener is called by the event loop of the channel
   */
  public ControlConnection(
      Channel channel, String name, FrameLimits limits, Consumer<Withdrawal> listener) {
    this.channel = channel;
    this.name = name;
    this.encoder = new FrameEncoder(limits, channel.alloc());
    this.listener = listener;
  }

  /** Whether the worker is there to answer; from any thread. */
  public boolean isOpen() {
    return channel.isActive();
  }

  /** Asks for a batch; from any thread. What cannot be written closes the connection. */
  public void withdraw(int batchId) {
    List<ByteBuf> frames = new ArrayList<>(1);
    try {
      encoder.encode(new Outgoing.Withdraw(batchId), frames);
    } catch (ProtocolException e) {
      throw new IllegalStateException("WITHDRAW cannot be encoded", e);
    }
    var unused =
        channel.writeAndFlush(frames.get(0)).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
  }

  /** Closes it, from any thread. */
  public void close() {
    var unused = channel.close();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) throws ProtocolException {
    if (message instanceof Withdrawal withdrawal) {
      listener.accept(withdrawal);
      return;
    }
    if (message instanceof Response response) {
      response.body().release();
    }
    throw new ProtocolException(
        message.getClass().getSimpleName() + " on the control connection of a worker");
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // An end in the middle of a message is that of the process, which others report.
    if (channel.isOpen() && !(cause instanceof IOException)) {
      LOG.warn("{}: its control connection is closed: {}", name, ProtocolErrors.describe(cause));
    }
    close();
  }
}
