package org.tsnext.http.connection;

import io.netty.channel.Channel;
import java.net.InetSocketAddress;

/** The client of a connection, as the access log shows it. */
final class RemoteAddress {

  private RemoteAddress() {}

  /** Clients of Unix sockets are on this machine. */
  static String of(Channel connection) {
    return connection.remoteAddress() instanceof InetSocketAddress address
        ? address.toString()
        : "127.0.0.1";
  }
}
