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

/** Linux. */
final class EpollTransport implements Transport {

  @Override
  public String name() {
    return "epoll";
  }

  @Override
  public EventLoopGroup newEventLoopGroup(int threads, String threadPrefix) {
    return new MultiThreadIoEventLoopGroup(
        threads, new DefaultThreadFactory(threadPrefix), EpollIoHandler.newFactory());
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
