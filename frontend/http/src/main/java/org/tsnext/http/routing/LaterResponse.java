package org.tsnext.http.routing;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.response.Response;

/** Answers an exchange once slow work elsewhere is done. */
public final class LaterResponse {

  private static final Logger LOG = LoggerFactory.getLogger(LaterResponse.class);

  private LaterResponse() {}

  /**
   * Answers with what {@code render} makes of the result, or with the error.
   *
   * @param render runs on the event loop
   */
  public static <T> void send(
      Exchange exchange, CompletableFuture<T> work, Function<T, Response> render) {
    CompletableFuture<Void> sent =
        work.handleAsync(
            (result, failure) -> {
              if (failure == null) {
                exchange.send(render.apply(result));
              } else {
                exchange.fail(servingException(exchange, failure));
              }
              return null;
            },
            exchange.loop());
    sent.exceptionally(
        failure -> {
          if (!(unwrapped(failure) instanceof RejectedExecutionException)) {
            LOG.error(
                "The response to request {} could not be sent", exchange.requestId(), failure);
          }
          return null;
        });
  }

  private static ServingException servingException(Exchange exchange, Throwable failure) {
    return ServingException.of(
        failure,
        cause -> {
          LOG.error("Request {} failed", exchange.requestId(), cause);
          return ServingException.internal(cause);
        });
  }

  private static Throwable unwrapped(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }
}
