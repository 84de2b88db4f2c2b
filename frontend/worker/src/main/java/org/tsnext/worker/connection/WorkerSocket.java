package org.tsnext.worker.connection;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.core.time.Scheduler;
import org.tsnext.transport.Transport;
import org.tsnext.worker.protocol.FrameDecoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.MessageHandler;

/** The socket that all workers of this frontend dial in to. */
public final class WorkerSocket implements AutoCloseable {

  private static final int FIRST_READ = 4 * 1024;
  private static final int MAX_READ = 1024 * 1024;

  private static final int SEND_BUFFER = 1 << 20;

  private final WorkerSocketAddress address;
  private final Channel channel;

  private WorkerSocket(WorkerSocketAddress address, Channel channel) {
    this.address = address;
    this.channel = channel;
  }

  /**
   * Listens.
   *
   * @throws IOException if the address cannot be bound
   */
  public static WorkerSocket open(
      WorkerSocketAddress address,
      Transport transport,
      EventLoopGroup eventLoops,
      FrameLimits limits,
      HelloHandler.Gate gate,
      Scheduler scheduler)
      throws IOException {
    AtomicInteger strangers = new AtomicInteger();
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(eventLoops)
            .channel(address.channelType(transport))
            // A failed write must not throw away answers that are still to be read.
            .childOption(ChannelOption.AUTO_CLOSE, false)
            .childOption(
                ChannelOption.RECVBUF_ALLOCATOR,
                new AdaptiveRecvByteBufAllocator(FIRST_READ, FIRST_READ, MAX_READ))
            // The system cuts it to what it allows.
            .childOption(ChannelOption.SO_SNDBUF, SEND_BUFFER)
            .childHandler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel child) {
                    child
                        .pipeline()
                        .addLast("frames", new FrameDecoder(limits))
                        .addLast("messages", new MessageHandler(limits))
                        .addLast("hello", new HelloHandler(gate, scheduler, strangers));
                  }
                });
    if (address instanceof WorkerSocketAddress.Tcp) {
      bootstrap.childOption(ChannelOption.TCP_NODELAY, true);
    }
    ChannelFuture bound = bootstrap.bind(address.bindAddress(transport)).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      address.remove();
      throw new IOException(
          "Cannot listen for workers at " + address + ": " + bound.cause().getMessage(),
          bound.cause());
    }
    return new WorkerSocket(address, bound.channel());
  }

  /** The address as workers are told. */
  public String addressText() {
    return address.text(channel);
  }

  /** Stops listening and removes the socket's folder. Connections stay open. Blocks. */
  @Override
  public void close() {
    channel.close().awaitUninterruptibly();
    address.remove();
  }
}
