package org.tsnext.transport;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.function.LongSupplier;

/** Linux. */
final class EpollTransport implements Transport {

  /** 0 lets the number of events of one look grow with their number. */
  private static final int MAX_EVENTS = 0;

  private final LongSupplier nanoTime;

  /**
   * @param nanoTime a monotonic clock, in nanoseconds
   */
  EpollTransport(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  @Override
  public String name() {
    return "epoll";
  }

  @Override
  public EventLoopGroup newEventLoopGroup(int threads, String threadPrefix) {
    return new MultiThreadIoEventLoopGroup(
        threads,
        new DefaultThreadFactory(threadPrefix),
        EpollIoHandler.newFactory(MAX_EVENTS, () -> new BriefSpin(nanoTime, Thread::yield)));
  }

  @Override
  public Class<? extends ServerChannel> tcpServerChannel() {
    return EpollServerSocketChannel.class;
  }

  @Override
  public boolean supportsUnixSockets() {
    return true;
  }

  @Override
  public Class<? extends ServerChannel> unixServerChannel() {
    return EpollServerDomainSocketChannel.class;
  }

  @Override
  public SocketAddress unixAddress(Path path) {
    return new DomainSocketAddress(path.toFile());
  }
}
