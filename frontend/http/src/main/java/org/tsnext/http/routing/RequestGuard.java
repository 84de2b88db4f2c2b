package org.tsnext.http.routing;

import io.netty.handler.codec.http.HttpRequest;
import org.tsnext.core.access.Access;

/** Decides whether a request may go where it wants to. Any event loop. */
@FunctionalInterface
public interface RequestGuard {

  /**
   * Lets the request pass or throws.
   *
   * @param access what its route asks of callers
   * @param changes whether it changes something or runs a handler
   * @throws org.tsnext.core.error.ServingException is answered as an error
   */
  void check(HttpRequest head, Access access, boolean changes);

  /** Lets everything pass. */
  RequestGuard NONE = (head, access, changes) -> {};

  /** This guard, then another. */
  default RequestGuard and(RequestGuard next) {
    if (next == NONE) {
      return this;
    }
    return (head, access, changes) -> {
      check(head, access, changes);
      next.check(head, access, changes);
    };
  }
}
