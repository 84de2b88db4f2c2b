package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpRequest;

/** Decides whether a request may go where it wants to. Any event loop. */
@FunctionalInterface
public interface RequestGuard {

  /**
   * Lets the request pass or throws.
   *
   * @throws org.tsnext.core.error.ServingException is answered as an error
   */
  void check(HttpRequest head, Access access);
}
