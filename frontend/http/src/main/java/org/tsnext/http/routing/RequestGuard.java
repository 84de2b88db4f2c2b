package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpRequest;
import org.tsnext.core.access.Access;

/** Decides whether a request may go where it wants to. Any event loop. */
@FunctionalInterface
public interface RequestGuard {

  /**
   * Lets the request pass or throws.
   *
   * @throws org.tsnext.core.error.ServingException is answered as an error
   */
  void check(HttpRequest head, Access access);

  /** Lets everything pass. */
  RequestGuard NONE = (head, access) -> {};

  /** This guard, then another. */
  default RequestGuard and(RequestGuard next) {
    if (next == NONE) {
      return this;
    }
    return (head, access) -> {
      check(head, access);
      next.check(head, access);
    };
  }
}
