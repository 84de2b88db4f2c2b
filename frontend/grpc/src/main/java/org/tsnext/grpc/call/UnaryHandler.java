package org.tsnext.grpc.call;

import org.tsnext.core.error.ServingException;

/**
 * Answers the calls of one unary rpc.
 *
 * @param <Q> the request
 * @param <A> the answer
 */
@FunctionalInterface
public interface UnaryHandler<Q, A> {

  /**
   * Begins to answer, now or later from any thread, by {@link UnaryExchange#send} or {@link
   * UnaryExchange#fail}. On an event loop: does not block.
   *
   * @throws ServingException to fail at once
   */
  void handle(UnaryExchange<A> exchange, Q request);
}
