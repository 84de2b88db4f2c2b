package org.tsnext.http.access;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.TokenCheck;
import org.tsnext.http.routing.RequestGuard;
import org.tsnext.http.settings.TokenSettings;

/** Lets requests pass that carry the token which their route asks for. Any event loop. */
public final class TokenGuard implements RequestGuard {

  /** What {@code /token} has always said instead. */
  public static final String TOKEN_ROUTE_REFUSAL =
      "Token Authentication failed. Token either incorrect, expired, or not provided correctly";

  private final TokenSettings settings;
  private final TokenCheck check;

  public TokenGuard(TokenSettings settings) {
    this.settings = settings;
    this.check = new TokenCheck(settings.tokens(), settings.failuresAs400(), "route");
  }

  @Override
  public void check(HttpRequest head, Access access, boolean changes) {
    if (settings.asksFor(access)) {
      check.require(
          access.tokens(),
          head.headers().getAll(HttpHeaderNames.AUTHORIZATION),
          access == Access.TOKENS ? TOKEN_ROUTE_REFUSAL : TokenCheck.REFUSAL);
    }
  }
}
