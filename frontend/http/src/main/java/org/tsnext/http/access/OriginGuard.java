package org.tsnext.http.access;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.OriginCheck;
import org.tsnext.core.access.OriginCheck.Page;
import org.tsnext.http.routing.RequestGuard;

/** Refuses what web pages of other origins ask, see {@link OriginCheck}. Any event loop. */
public final class OriginGuard implements RequestGuard {

  private static final String SITE = "sec-fetch-site";
  private static final String MODE = "sec-fetch-mode";
  private static final String DESTINATION = "sec-fetch-dest";

  private final OriginCheck check;

  public OriginGuard(OriginCheck check) {
    this.check = check;
  }

  @Override
  public void check(HttpRequest head, Access access, boolean changes) {
    HttpHeaders headers = head.headers();
    if (!headers.contains(HttpHeaderNames.ORIGIN) && !headers.contains(SITE)) {
      return;
    }
    check.require(
        new Page(
            headers.getAll(HttpHeaderNames.ORIGIN),
            headers.getAll(SITE),
            Page.navigates(headers.get(MODE), headers.get(DESTINATION)),
            headers.get(HttpHeaderNames.HOST, "")),
        changes);
  }
}
