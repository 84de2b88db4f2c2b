package org.tsnext.http;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;
import org.tsnext.core.ownership.Host;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.transport.Transport;

/** One open listener. */
final class Acceptor {

  private static final int BACKLOG = 1024;

  /** Bytes of one read: few while requests are small, many while a body comes in. */
  private static final int MIN_READ = 128;

  private static final int FIRST_READ = 2048;
  private static final int MAX_READ = 256 * 1024;

  private final Channel channel;
  private final BoundListener listener;

  private Acceptor(Channel channel, BoundListener listener) {
    this.channel = channel;
    this.listener = listener;
  }

  /**
   * Opens a listener. Blocks.
   *
   * @param key configuration key of the address, named in errors
   * @param unixMode who may connect to a Unix socket
   */
  static Acceptor open(
      ListenAddress address,
      Set<ListenerRole> roles,
      String key,
      Transport transport,
      EventLoopGroup loops,
      ChannelHandler pipeline,
      Set<PosixFilePermission> unixMode)
      throws IOException {
    try {
      ServerBootstrap bootstrap =
          new ServerBootstrap()
              .group(loops)
              .option(ChannelOption.SO_BACKLOG, BACKLOG)
              .childOption(
                  ChannelOption.RECVBUF_ALLOCATOR,
                  new AdaptiveRecvByteBufAllocator(MIN_READ, FIRST_READ, MAX_READ))
              .childHandler(pipeline);
      if (address instanceof ListenAddress.Unix unix) {
        return openUnix(unix, roles, transport, bootstrap, unixMode);
      }
      return openTcp((ListenAddress.Tcp) address, roles, transport, bootstrap);
    } catch (IOException e) {
      throw new IOException(
          "Cannot listen on " + address + " (" + key + "): " + e.getMessage() + hint(e), e);
    }
  }

  private static Acceptor openTcp(
      ListenAddress.Tcp address,
      Set<ListenerRole> roles,
      Transport transport,
      ServerBootstrap bootstrap)
      throws IOException {
    InetSocketAddress wanted =
        new InetSocketAddress(InetAddress.getByName(address.host()), address.port());
    Channel channel = bind(bootstrap.channel(transport.tcpServerChannel()), wanted);
    int port = ((InetSocketAddress) channel.localAddress()).getPort();
    return new Acceptor(channel, new BoundListener(roles, address.at(port)));
  }

  private static String hint(IOException failure) {
    String text = String.valueOf(failure.getMessage());
    return text.contains("already in use")
        ? "; another program listens there: end it, or choose another port"
        : "";
  }

  private static Acceptor openUnix(
      ListenAddress.Unix address,
      Set<ListenerRole> roles,
      Transport transport,
      ServerBootstrap bootstrap,
      Set<PosixFilePermission> mode)
      throws IOException {
    if (!transport.supportsUnixSockets()) {
      throw new IOException(
          "Unix sockets need a native transport (use_native_io=true, on Linux or macOS)");
    }
    removeStale(address.path());
    Channel channel =
        bind(
            bootstrap.channel(transport.unixServerChannel()),
            transport.unixAddress(address.path()));
    Files.setPosixFilePermissions(address.path(), mode);
    return new Acceptor(channel, new BoundListener(roles, address));
  }

  private static Channel bind(ServerBootstrap bootstrap, SocketAddress address) throws IOException {
    ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      Throwable cause = bound.cause();
      throw new IOException(cause.getMessage(), cause);
    }
    return bound.channel();
  }

  /**
   * Removes a socket that an earlier server left behind. One that a process listens on, any other
   * file, and a socket on which a process of another host may listen, stays and is an error.
   */
  private static void removeStale(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .isOther()) {
      throw new IOException("the path exists and is not a socket");
    }
    if (isServed(path)) {
      throw new IOException("Address already in use: another process listens on the socket");
    }
    if (!Host.current().hasAlone(path)) {
      throw new IOException(
          "Address already in use: the socket exists, and it is unknown whether a process of"
              + " another host listens on it; remove it if none does");
    }
    Files.delete(path);
  }

  private static boolean isServed(Path path) throws IOException {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      // Does not wait: a listener whose queue is full is alive, too.
      channel.configureBlocking(false);
      channel.connect(UnixDomainSocketAddress.of(path));
      return true;
    } catch (ConnectException e) {
      return false;
    }
  }

  BoundListener listener() {
    return listener;
  }

  /** Takes no new connections. Blocks for a moment. */
  void close() {
    channel.close().awaitUninterruptibly();
    if (listener.address() instanceof ListenAddress.Unix unix) {
      try {
        Files.deleteIfExists(unix.path());
      } catch (IOException e) {
        // The next start removes it.
      }
    }
  }
}
