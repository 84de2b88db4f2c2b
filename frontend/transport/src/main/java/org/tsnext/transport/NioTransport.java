package org.tsnext.transport;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.SocketAddress;
import java.nio.file.Path;

/** Any machine; TCP only. */
final class NioTransport implements Transport {

  @Override
  public String name() {
    return "nio";
  }

  @Override
  public EventLoopGroup newEventLoopGroup(int threads, String threadPrefix) {
    return new MultiThreadIoEventLoopGroup(
        threads, new DefaultThreadFactory(threadPrefix), NioIoHandler.newFactory());
  }

  @Override
  public Class<? extends ServerChannel> tcpServerChannel() {
    return NioServerSocketChannel.class;
  }

  @Override
  public boolean supportsUnixSockets() {
    return false;
  }

  @Override
  public Class<? extends ServerChannel> unixServerChannel() {
    throw new UnsupportedOperationException("Unix-domain sockets need a native transport");
  }

  @Override
  public SocketAddress unixAddress(Path path) {
    throw new UnsupportedOperationException("Unix-domain sockets need a native transport");
  }
}
