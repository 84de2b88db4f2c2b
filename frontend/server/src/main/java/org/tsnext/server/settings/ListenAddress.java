package org.tsnext.server.settings;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** Where a listener is bound: {@code http://host[:port]} or {@code unix:/absolute/path}. */
public sealed interface ListenAddress {
  /** What {@link #parse} accepts, for error messages. */
  String EXPECTED = "http://host[:port] or unix:/absolute/path";

  /** As written in the settings and shown to people. */
  @Override
  String toString();

  /** Whether only this machine can reach it. */
  boolean local();

  /**
   * A TCP port.
   *
   * @param tls whether it was written as {@code https}
   * @param host a name or an address; IPv6 without brackets
   * @param port 0 for one that the kernel chooses
   */
  record Tcp(boolean tls, String host, int port) implements ListenAddress {
    @Override
    public boolean local() {
      return host.equalsIgnoreCase("localhost")
          || host.startsWith("127.")
          || host.equals("::1")
          || host.equals("0:0:0:0:0:0:0:1");
    }

    @Override
    public String toString() {
      String shown = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
      return (tls ? "https://" : "http://") + shown + ":" + port;
    }
  }

  /** A Unix-domain socket. */
  record Unix(Path path) implements ListenAddress {
    @Override
    public boolean local() {
      return true;
    }

    @Override
    public String toString() {
      return "unix:" + path;
    }
  }

  /**
   * Reads an address.
   *
   * @throws IllegalArgumentException if it is none
   */
  static ListenAddress parse(String text, int defaultPort, int defaultTlsPort) {
    if (text.regionMatches(true, 0, "unix:", 0, 5)) {
      // unix:///x is how other tools write unix:/x.
      String path = text.substring(5).replaceFirst("^//+", "/");
      if (!path.startsWith("/") || path.length() < 2) {
        throw new IllegalArgumentException(text);
      }
      return new Unix(Path.of(path));
    }
    try {
      URI uri = new URI(text);
      String scheme = Optional.ofNullable(uri.getScheme()).orElse("").toLowerCase(Locale.ROOT);
      boolean tls = scheme.equals("https");
      boolean bare = uri.getRawPath() == null || uri.getRawPath().matches("/?");
      if (!(tls || scheme.equals("http"))
          || uri.getHost() == null
          || uri.getRawUserInfo() != null
          || uri.getRawQuery() != null
          || uri.getRawFragment() != null
          || !bare
          || uri.getPort() > 65535) {
        throw new IllegalArgumentException(text);
      }
      String host = uri.getHost();
      if (host.startsWith("[")) {
        host = host.substring(1, host.length() - 1);
      }
      int port = uri.getPort() >= 0 ? uri.getPort() : tls ? defaultTlsPort : defaultPort;
      return new Tcp(tls, host, port);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(text, e);
    }
  }
}
