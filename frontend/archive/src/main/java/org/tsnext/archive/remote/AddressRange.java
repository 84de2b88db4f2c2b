package org.tsnext.archive.remote;

import io.netty.util.NetUtil;
import java.util.HexFormat;

/**
 * Addresses that share their first bits.
 *
 * @param base an address of the range, in hexadecimal digits
 * @param bits how many bits they share
 */
record AddressRange(String base, int bits) {

  /**
   * Reads {@code address/bits}, or an address alone.
   *
   * @throws IllegalArgumentException if it is neither
   */
  static AddressRange parse(String text) {
    int slash = text.indexOf('/');
    String address = slash < 0 ? text : text.substring(0, slash);
    boolean isIpv6 = address.matches("[0-9A-Fa-f:.]+") && NetUtil.isValidIpV6Address(address);
    if (!isIpv6 && !NetUtil.isValidIpV4Address(address)) {
      throw new IllegalArgumentException(text);
    }
    byte[] bytes = NetUtil.createByteArrayFromIpAddressString(address);
    int maxBits = bytes.length * Byte.SIZE;
    int bits = maxBits;
    if (slash >= 0) {
      String number = text.substring(slash + 1);
      if (!number.matches("[0-9]{1,3}") || Integer.parseInt(number) > maxBits) {
        throw new IllegalArgumentException(text);
      }
      bits = Integer.parseInt(number);
    }
    return new AddressRange(HexFormat.of().formatHex(bytes), bits);
  }

  boolean contains(byte[] bytes) {
    byte[] mine = HexFormat.of().parseHex(base);
    if (mine.length != bytes.length) {
      return false;
    }
    for (int i = 0; i < bits; i++) {
      int mask = 0x80 >> (i % Byte.SIZE);
      if (((mine[i / Byte.SIZE] ^ bytes[i / Byte.SIZE]) & mask) != 0) {
        return false;
      }
    }
    return true;
  }
}
