package org.tsnext.core.access;

import java.util.regex.Pattern;

/** The addresses that only this machine reaches. */
public final class Loopback {

  private static final Pattern IPV4 = Pattern.compile("127(\\.[0-9]{1,3}){3}");

  private Loopback() {}

  /**
   * Whether a host is one.
   *
   * @param host of a listener, IPv6 without brackets
   */
  public static boolean isLoopback(String host) {
    return host.equalsIgnoreCase("localhost")
        || host.equals("::1")
        || host.equals("0:0:0:0:0:0:0:1")
        || IPV4.matcher(host).matches();
  }
}
