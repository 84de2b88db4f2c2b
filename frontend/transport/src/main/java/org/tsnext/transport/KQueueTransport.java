package org.tsnext.transport;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.kqueue.KQueueIoHandler;
import io.netty.channel.kqueue.KQueueServerDomainSocketChannel;
import io.netty.channel.kqueue.KQueueServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.SocketAddress;
import java.nio.file.Path;

/** macOS and the BSDs. */
final class KQueueTransport implements Transport {

  @Override
  public String name() {
    return "kqueue";
  }

  @Override
  public EventLoopGroup newEventLoopGroup(int threads, String threadPrefix) {
    return new MultiThreadIoEventLoopGroup(
        threads, new DefaultThreadFactory(threadPrefix), KQueueIoHandler.newFactory());
  }

  @Override
  public Class<? extends ServerChannel> tcpServerChannel() {
    return KQueueServerSocketChannel.class;
  }

  @Override
  public boolean supportsUnixSockets() {
    return true;
  }

  @Override
  public Class<? extends ServerChannel> unixServerChannel() {
    return KQueueServerDomainSocketChannel.class;
  }

  @Override
  public SocketAddress unixAddress(Path path) {
    return new DomainSocketAddress(path.toFile());
  }
}
