package org.tsnext.archive.remote;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A network in which every address is a listener on loopback, so that nothing leaves the machine.
 */
final class FakeNetwork implements Network {

  private final Map<String, List<String>> names = new ConcurrentHashMap<>();
  private final List<String> asked = new CopyOnWriteArrayList<>();
  private final List<InetSocketAddress> connected = new CopyOnWriteArrayList<>();
  private final InetSocketAddress listener;

  FakeNetwork(InetSocketAddress listener) {
    this.listener = listener;
  }

  /** Lets a name mean these addresses. */
  FakeNetwork name(String host, String... addresses) {
    names.put(host, List.of(addresses));
    return this;
  }

  /** What was really connected to, as the code believes. */
  List<InetSocketAddress> connected() {
    return connected;
  }

  List<String> asked() {
    return asked;
  }

  @Override
  public List<InetAddress> resolve(String host) throws UnknownHostException {
    asked.add(host);
    List<String> addresses = names.get(host);
    if (addresses == null) {
      byte[] literal = NetUtil.createByteArrayFromIpAddressString(host);
      if (literal == null) {
        throw new UnknownHostException(host);
      }
      return List.of(InetAddress.getByAddress(literal));
    }
    List<InetAddress> found = new ArrayList<>();
    for (String address : addresses) {
      found.add(InetAddress.getByAddress(NetUtil.createByteArrayFromIpAddressString(address)));
    }
    return found;
  }

  @Override
  public ChannelFuture connect(Bootstrap bootstrap, InetSocketAddress address) {
    connected.add(address);
    return bootstrap.connect(listener);
  }
}
