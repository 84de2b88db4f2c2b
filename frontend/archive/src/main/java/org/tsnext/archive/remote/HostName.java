package org.tsnext.archive.remote;

import io.netty.util.NetUtil;
import java.util.Locale;
import java.util.regex.Pattern;

/** Hosts of URLs: names of ASCII labels, dotted-decimal IPv4 and bracketed IPv6 addresses. */
final class HostName {

  private static final int MAX_LENGTH = 253;
  private static final Pattern LABEL = Pattern.compile("[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?");

  /** A last label that some resolvers read as a number, and so the whole as an address. */
  private static final Pattern NUMBER = Pattern.compile("[0-9]+|0x[0-9a-f]*");

  private static final Pattern DOTTED_DECIMAL =
      Pattern.compile("(0|[1-9][0-9]{0,2})(\\.(0|[1-9][0-9]{0,2})){3}");

  private HostName() {}

  /**
   * The one way to write {@code text}: lower case, IPv6 addresses shortened and in brackets.
   *
   * @throws UrlSyntaxException if it is no host, or an address in an unusual form (octal,
   *     hexadecimal, one number) that checks and connections might read differently
   */
  static String normalise(String text) throws UrlSyntaxException {
    String host = text.toLowerCase(Locale.ROOT);
    if (host.startsWith("[")) {
      return ipv6(host);
    }
    if (host.isEmpty() || host.length() > MAX_LENGTH) {
      throw new UrlSyntaxException("its host is missing or longer than 253 characters");
    }
    String[] labels = host.split("\\.", -1);
    if (NUMBER.matcher(labels[labels.length - 1]).matches()) {
      if (DOTTED_DECIMAL.matcher(host).matches() && NetUtil.isValidIpV4Address(host)) {
        return host;
      }
      throw new UrlSyntaxException(
          "its host is a number, expected a name or four decimal numbers without leading zeros");
    }
    for (String label : labels) {
      if (!LABEL.matcher(label).matches()) {
        throw new UrlSyntaxException(
            "its host is not made of labels of letters, digits and hyphens with a dot between two");
      }
    }
    return host;
  }

  /** Whether a normalised host is an address rather than a name. */
  static boolean isAddress(String host) {
    return host.startsWith("[") || DOTTED_DECIMAL.matcher(host).matches();
  }

  /** A normalised host that is an address, as the range of that address alone. */
  static AddressRange rangeOf(String host) {
    return AddressRange.parse(unbracketed(host));
  }

  /** A normalised host without the brackets of an IPv6 address. */
  static String unbracketed(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private static String ipv6(String host) throws UrlSyntaxException {
    String inner = host.endsWith("]") ? host.substring(1, host.length() - 1) : "";
    if (!inner.matches("[0-9a-f:.]+") || !NetUtil.isValidIpV6Address(inner)) {
      throw new UrlSyntaxException("its host in brackets is not an IPv6 address without a zone");
    }
    return "[" + NetUtil.toAddressString(NetUtil.getByName(inner)) + "]";
  }
}
