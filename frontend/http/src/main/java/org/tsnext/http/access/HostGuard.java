package org.tsnext.http.access;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import java.util.function.Predicate;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HostNames;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.routing.RequestGuard;

/**
 * Refuses requests that a browser was lured into: a page of a stranger's domain can have that
 * domain resolve to this machine (DNS rebinding), but the browser then still names it in {@code
 * Host}. Addresses, names without a dot, and names that are never given to the public pass.
 */
public final class HostGuard implements RequestGuard {

  private static final int MAX_SHOWN = 100;

  private final HostNames names;
  private final Predicate<Access> guarded;

  /**
   * @param names by which clients may call the listener
   * @param guarded which routes are guarded
   */
  public HostGuard(HostNames names, Predicate<Access> guarded) {
    this.names = names;
    this.guarded = guarded;
  }

  @Override
  public void check(HttpRequest head, Access access, boolean changes) {
    if (!guarded.test(access)) {
      return;
    }
    String host = head.headers().get(HttpHeaderNames.HOST);
    // HTTP/1.0 may do without, and no browser speaks that.
    if (host != null && !names.isOurs(host)) {
      throw new ServingException(
              ErrorKind.HOST_REFUSED,
              "The Host header does not name this server, but '"
                  + (host.length() > MAX_SHOWN ? host.substring(0, MAX_SHOWN) : host)
                  + "'.")
          .withDetail(
              "Expected an IP address, localhost, a name without dots, or one that the setting"
                  + " allowed_hosts lists. This keeps web pages from using a browser as a way in.");
    }
  }
}
