package org.tsnext.archive.remote;

import java.net.InetAddress;
import java.util.List;
import java.util.stream.Stream;

/**
 * Addresses that are not hosts on the public Internet, after IANA's registries of special-purpose
 * addresses.
 */
final class SpecialAddresses {

  private static final List<AddressRange> NOT_PUBLIC_IPV4 =
      ranges(
          "0.0.0.0/8", // this host
          "10.0.0.0/8", // private
          "100.64.0.0/10", // carrier-grade NAT
          "127.0.0.0/8", // loopback
          "169.254.0.0/16", // link-local, metadata services of clouds
          "172.16.0.0/12", // private
          "192.0.0.0/24", // protocol assignments
          "192.0.2.0/24", // documentation
          "192.88.99.0/24", // 6to4 relays
          "192.168.0.0/16", // private
          "198.18.0.0/15", // benchmarks
          "198.51.100.0/24", // documentation
          "203.0.113.0/24", // documentation
          "224.0.0.0/4", // multicast
          "240.0.0.0/4"); // reserved, broadcast

  /**
   * Only these are global unicast. So loopback, unique local, link-local and multicast addresses,
   * mapped and compatible IPv4 and NAT64 are not.
   */
  private static final AddressRange GLOBAL_IPV6 = AddressRange.parse("2000::/3");

  private static final List<AddressRange> NOT_PUBLIC_IPV6 =
      ranges(
          "2001::/23", // protocol assignments: Teredo, ORCHID
          "2001:db8::/32", // documentation
          "2002::/16", // 6to4, which leads to any IPv4 address
          "3fff::/20"); // documentation

  /** What no name may lead to, even one that the operator vouches for. */
  private static final List<AddressRange> NEVER_BY_NAME =
      ranges("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "fe80::/10", "ff00::/8");

  private SpecialAddresses() {}

  static boolean isPublic(InetAddress address) {
    // Java hands out a mapped IPv6 address as the IPv4 address that it is.
    byte[] bytes = address.getAddress();
    return bytes.length == 4
        ? none(NOT_PUBLIC_IPV4, bytes)
        : GLOBAL_IPV6.contains(bytes) && none(NOT_PUBLIC_IPV6, bytes);
  }

  /** Whether a name that the operator vouches for may lead there. */
  static boolean isReachableByName(InetAddress address) {
    return none(NEVER_BY_NAME, address.getAddress());
  }

  private static boolean none(List<AddressRange> ranges, byte[] bytes) {
    return ranges.stream().noneMatch(range -> range.contains(bytes));
  }

  private static List<AddressRange> ranges(String... texts) {
    return Stream.of(texts).map(AddressRange::parse).toList();
  }
}
