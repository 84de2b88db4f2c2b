package org.tsnext.transport;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.kqueue.KQueue;
import java.net.SocketAddress;
import java.nio.file.Path;

/** The kind of sockets this process uses. One is chosen at start and shared by all listeners. */
public interface Transport {

  /** The name shown at start: {@code epoll}, {@code kqueue} or {@code nio}. */
  String name();

  /**
   * Starts event loops.
   *
   * @param threads number of loops; 0 for twice the number of processors
   * @param threadPrefix names of the threads, a number follows
   */
  EventLoopGroup newEventLoopGroup(int threads, String threadPrefix);

  /** Channel type that listens on a TCP port. */
  Class<? extends ServerChannel> tcpServerChannel();

  /** Whether Unix-domain sockets can be listened on. */
  boolean supportsUnixSockets();

  /**
   * Channel type that listens on a Unix-domain socket.
   *
   * @throws UnsupportedOperationException if there are none
   */
  Class<? extends ServerChannel> unixServerChannel();

  /**
   * Address of a Unix-domain socket.
   *
   * @throws UnsupportedOperationException if there are none
   */
  SocketAddress unixAddress(Path path);

  /** The best transport of this machine, or NIO if native ones are not wanted. */
  static Transport choose(boolean allowNative) {
    if (allowNative && Epoll.isAvailable()) {
      return new EpollTransport();
    }
    if (allowNative && KQueue.isAvailable()) {
      return new KQueueTransport();
    }
    return new NioTransport();
  }
}
