package org.tsnext.http.connection;

import io.netty.handler.codec.http.HttpRequest;

/** Decides about requests by their heads, before anything of a body is kept. Any event loop. */
@FunctionalInterface
public interface RequestRouter {

  /** Where a request goes. Never throws: a request that goes nowhere goes to its refusal. */
  Destination route(HttpRequest head);

  /** What answers a request. */
  interface Destination {

    /**
     * Whether to read the body first. If not, it is skipped, and {@link #respond} comes at once.
     */
    boolean wantsBody();

    /** Answers, now or later. On the exchange's event loop; must not throw. */
    void respond(Exchange exchange);
  }
}
