package org.tsnext.archive.remote;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.List;

/** The network as downloads see it; tests put another one here. */
interface Network {

  /** All addresses of a name. Blocks. */
  List<InetAddress> resolve(String host) throws UnknownHostException;

  /** Connects to this very address, which has been checked. */
  ChannelFuture connect(Bootstrap bootstrap, InetSocketAddress address);

  /** The machine's own. */
  static Network system() {
    return new Network() {
      @Override
      public List<InetAddress> resolve(String host) throws UnknownHostException {
        return List.of(InetAddress.getAllByName(host));
      }

      @Override
      public ChannelFuture connect(Bootstrap bootstrap, InetSocketAddress address) {
        return bootstrap.connect(address);
      }
    };
  }
}
