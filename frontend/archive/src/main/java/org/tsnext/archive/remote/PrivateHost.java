package org.tsnext.archive.remote;

import java.net.InetAddress;
import java.util.OptionalInt;
import java.util.function.BiPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One entry of {@code allowed_private_hosts}: a name, an address or a range of addresses that may
 * be connected to although it is not on the public Internet.
 */
public final class PrivateHost {

  private static final Pattern ENTRY =
      Pattern.compile("(\\[[^\\]]*\\]|[^:\\[\\]]*)(?::([1-9][0-9]{0,4}))?");
  private static final int MAX_PORT = 65535;

  /** Of a host's text and one of its addresses. */
  private final BiPredicate<String, InetAddress> host;

  /** Empty for any. */
  private final OptionalInt port;

  private PrivateHost(BiPredicate<String, InetAddress> host, OptionalInt port) {
    this.host = host;
    this.port = port;
  }

  /**
   * Reads {@code host[:port]}, {@code [IPv6 address][:port]} or {@code address/bits}.
   *
   * @throws IllegalArgumentException if it is none of them
   */
  public static PrivateHost parse(String text) {
    if (text.indexOf('/') >= 0) {
      return new PrivateHost(inside(AddressRange.parse(text)), OptionalInt.empty());
    }
    Matcher entry = ENTRY.matcher(text);
    if (!entry.matches()) {
      throw new IllegalArgumentException(text);
    }
    OptionalInt port = OptionalInt.empty();
    if (entry.group(2) != null) {
      port = OptionalInt.of(Integer.parseInt(entry.group(2)));
      if (port.getAsInt() > MAX_PORT) {
        throw new IllegalArgumentException(text);
      }
    }
    try {
      String host = HostName.normalise(entry.group(1));
      return new PrivateHost(
          HostName.isAddress(host) ? inside(HostName.rangeOf(host)) : named(host), port);
    } catch (UrlSyntaxException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  /** Whether {@code name}, which has {@code address}, may be connected to at {@code onPort}. */
  boolean allows(String name, int onPort, InetAddress address) {
    return (port.isEmpty() || port.getAsInt() == onPort) && host.test(name, address);
  }

  private static BiPredicate<String, InetAddress> inside(AddressRange range) {
    return (name, address) -> range.contains(address.getAddress());
  }

  /** The operator vouches for the name, but not for metadata services it might come to mean. */
  private static BiPredicate<String, InetAddress> named(String host) {
    return (name, address) -> name.equals(host) && SpecialAddresses.isReachableByName(address);
  }
}
