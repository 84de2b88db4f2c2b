package org.tsnext.http.access;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.tsnext.core.access.Access;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.HostSettings;
import org.tsnext.http.ListenAddress;
import org.tsnext.http.routing.RequestGuard;

/**
 * Refuses requests that a browser was lured into: a page of a stranger's domain can have that
 * domain resolve to this machine (DNS rebinding), but the browser then still names it in {@code
 * Host}. Addresses, names without a dot, and names that are never given to the public pass.
 */
public final class HostGuard implements RequestGuard {

  private static final List<String> PRIVATE = List.of(".localhost", ".svc", ".cluster.local");
  private static final int LONGEST_SHOWN = 100;

  private final HostSettings settings;
  private final String boundHost;
  private final Predicate<Access> guarded;

  /**
   * @param guarded which routes are guarded
   */
  public HostGuard(HostSettings settings, ListenAddress.Tcp bound, Predicate<Access> guarded) {
    this.settings = settings;
    this.boundHost = bound.host().toLowerCase(Locale.ROOT);
    this.guarded = guarded;
  }

  @Override
  public void check(HttpRequest head, Access access) {
    if (!guarded.test(access)) {
      return;
    }
    String host = head.headers().get(HttpHeaderNames.HOST);
    // HTTP/1.0 may do without, and no browser speaks that.
    if (host != null && !isOurs(host)) {
      throw new ServingException(
              ErrorKind.HOST_REFUSED,
              "The Host header does not name this server, but '"
                  + (host.length() > LONGEST_SHOWN ? host.substring(0, LONGEST_SHOWN) : host)
                  + "'.")
          .withDetail(
              "Expected an IP address, localhost, a name without dots, or one that the setting"
                  + " allowed_hosts lists. This keeps web pages from using a browser as a way in.");
    }
  }

  private boolean isOurs(String host) {
    if (host.isEmpty() || host.charAt(0) == '[') {
      return true;
    }
    int colon = host.lastIndexOf(':');
    String name = colon < 0 ? host : host.substring(0, colon);
    if (name.indexOf('.') < 0 || isIpv4(name)) {
      return true;
    }
    return isKnown(name.toLowerCase(Locale.ROOT));
  }

  private boolean isKnown(String lower) {
    String name = lower.endsWith(".") ? lower.substring(0, lower.length() - 1) : lower;
    if (name.equals(boundHost) || PRIVATE.stream().anyMatch(name::endsWith)) {
      return true;
    }
    for (String allowed : settings.allowed()) {
      if (allowed.startsWith(".") ? name.endsWith(allowed) : name.equals(allowed)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isIpv4(String name) {
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c != '.' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }
}
