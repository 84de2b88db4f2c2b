package org.tsnext.http.settings;

import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tsnext.core.access.Loopback;

/** Where a listener waits for connections. */
public sealed interface ListenAddress {

  /**
   * A TCP address.
   *
   * @param host name or address, IPv6 without brackets
   * @param port 0 for any free port
   * @param tls whether clients must speak TLS
   */
  record Tcp(String host, int port, boolean tls) implements ListenAddress {
    public Tcp {
      if (port < 0 || port > 65535) {
        throw new IllegalArgumentException("port " + port + ", expected 0 to 65535");
      }
    }

    /** Whether only this machine reaches it. */
    public boolean isLoopback() {
      return Loopback.isLoopback(host);
    }

    /** Without TLS. */
    public Tcp(String host, int port) {
      this(host, port, false);
    }

    /** The same address with the port that was really taken. */
    public Tcp at(int boundPort) {
      return new Tcp(host, boundPort, tls);
    }

    @Override
    public String toString() {
      String scheme = tls ? "https://" : "http://";
      return scheme + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
  }

  /** A Unix-domain socket. */
  record Unix(Path path) implements ListenAddress {
    @Override
    public String toString() {
      return "unix:" + path;
    }
  }

  /**
   * Reads {@code http://host[:port]}, {@code https://host[:port]} or {@code unix:/absolute/path}.
   *
   * @param key configuration key the text comes from, named in errors
   * @param httpPort port of an http address that has none
   * @param httpsPort port of an https address that has none
   * @throws IllegalArgumentException with a message for the operator
   */
  static ListenAddress parse(String key, String text, int httpPort, int httpsPort) {
    String trimmed = text.trim();
    String lower = trimmed.toLowerCase(Locale.ROOT);
    if (lower.startsWith("unix:")) {
      Path path = Path.of(trimmed.substring("unix:".length()));
      if (!path.isAbsolute()) {
        throw invalid(key, text, "the path of a unix socket must be absolute");
      }
      return new Unix(path);
    }
    Matcher matcher = Syntax.TCP.matcher(trimmed);
    if (!matcher.matches()) {
      throw invalid(key, text, "expected http://host[:port], https://host[:port] or unix:/path");
    }
    String host = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
    String port = matcher.group(3);
    boolean tls = lower.startsWith("https:");
    int defaultPort = tls ? httpsPort : httpPort;
    int number = port == null ? defaultPort : Integer.parseInt(port);
    if (number > 65535) {
      throw invalid(key, text, "the port must be 0 to 65535");
    }
    return new Tcp(host, number, tls);
  }

  /** Whether two listeners cannot both have their addresses: it is one port or one socket. */
  default boolean isSamePlace(ListenAddress other) {
    if (this instanceof Tcp one && other instanceof Tcp two) {
      return one.port() != 0 && one.port() == two.port() && one.host().equalsIgnoreCase(two.host());
    }
    return equals(other);
  }

  /** Whether addresses that are one place are not the same: one port speaks TLS or does not. */
  default boolean conflictsWith(ListenAddress other) {
    return isSamePlace(other)
        && this instanceof Tcp one
        && other instanceof Tcp two
        && one.tls() != two.tls();
  }

  private static IllegalArgumentException invalid(String key, String text, String expected) {
    return new IllegalArgumentException(
        "Invalid binding address: " + text + " (" + key + "): " + expected);
  }

  /** The grammar, kept out of the interface's own names. */
  final class Syntax {
    private static final Pattern TCP =
        Pattern.compile(
            "https?://(?:\\[([0-9A-Fa-f:.%]+)]|([^:/\\[\\]\\s]+))(?::([0-9]{1,5}))?/?",
            Pattern.CASE_INSENSITIVE);

    private Syntax() {}
  }
}
