package org.tsnext.worker.connection;

import io.netty.channel.Channel;
import io.netty.channel.ServerChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.transport.Transport;
import org.tsnext.transport.UnixSocketPath;

/** Where the frontend listens for its workers. */
public sealed interface WorkerSocketAddress {

  /** Channel type to listen with. */
  Class<? extends ServerChannel> channelType(Transport transport);

  /** Address to bind. */
  SocketAddress bindAddress(Transport transport);

  /** The address as workers are told, once {@code bound} is bound. */
  String text(Channel bound);

  /** Removes what is left in the file system. */
  void remove();

  /** A TCP port of the loopback interface, chosen by the system. */
  record Tcp() implements WorkerSocketAddress {

    @Override
    public Class<? extends ServerChannel> channelType(Transport transport) {
      return transport.tcpServerChannel();
    }

    @Override
    public SocketAddress bindAddress(Transport transport) {
      return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    @Override
    public String text(Channel bound) {
      InetSocketAddress address = (InetSocketAddress) bound.localAddress();
      return "tcp:" + address.getAddress().getHostAddress() + ":" + address.getPort();
    }

    @Override
    public void remove() {}
  }

  /**
   * A Unix-domain socket alone in a folder that only this user can enter.
   *
   * @param folder exists, mode 0700
   */
  record Unix(Path folder) implements WorkerSocketAddress {

    private static final Logger LOG = LoggerFactory.getLogger(Unix.class);
    private static final String NAME = "w";

    /**
     * Makes the folder in the first of some parents in which the socket's path is short enough.
     *
     * @throws IOException if there is none
     */
    public static Unix create(List<Path> parents) throws IOException {
      for (Path parent : parents) {
        Path folder =
            Files.createTempDirectory(
                parent.toAbsolutePath(),
                "ts-",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        if (UnixSocketPath.bytes(folder.resolve(NAME)) <= UnixSocketPath.MAX_BYTES) {
          return new Unix(folder);
        }
        Files.delete(folder);
        LOG.debug("No worker socket in {}: its path would be too long", parent);
      }
      throw new IOException(
          "The path of the workers' socket would be longer than "
              + UnixSocketPath.MAX_BYTES
              + " bytes in each of "
              + parents
              + "; set a shorter temporary folder");
    }

    Path path() {
      return folder.resolve(NAME);
    }

    @Override
    public Class<? extends ServerChannel> channelType(Transport transport) {
      return transport.unixServerChannel();
    }

    @Override
    public SocketAddress bindAddress(Transport transport) {
      return transport.unixAddress(path());
    }

    @Override
    public String text(Channel bound) {
      return "unix:" + path();
    }

    @Override
    public void remove() {
      try {
        Files.deleteIfExists(path());
        Files.deleteIfExists(folder);
      } catch (IOException e) {
        LOG.warn("Cannot remove {}: {}", folder, e.toString());
      }
    }
  }
}
