package org.tsnext.http.inference;

import io.netty.buffer.ByteBuf;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.connection.Exchange;

/**
 * Reads and converts bodies: little ones at once, large ones, which take milliseconds, on threads
 * of their own.
 */
public final class BodyConversions {

  private static final Logger LOG = LoggerFactory.getLogger(BodyConversions.class);

  /** Bytes, a fraction of a millisecond, up to which an event loop does it. */
  private static final int LARGE = 32 * 1024;

  private final Executor executor;
  private final int maxJson;

  /**
   * @param executor runs what an event loop should not; the caller's to end
   * @param maxJson bytes of a request once its tensors are JSON, at most
   */
  public BodyConversions(Executor executor, int maxJson) {
    this.executor = Objects.requireNonNull(executor, "executor");
    this.maxJson = maxJson;
  }

  int maxJson() {
    return maxJson;
  }

  /**
   * Converts a body; what fails is the error of the exchange. Called on its loop.
   *
   * @param body released when {@code work} is done
   * @param done gets the result on the loop, also when the client has left meanwhile
   */
  <T> void convert(Exchange exchange, ByteBuf body, Function<ByteBuf, T> work, Consumer<T> done) {
    if (body.readableBytes() <= LARGE) {
      finish(exchange, CompletableFuture.completedFuture(body).thenApply(b -> run(b, work)), done);
      return;
    }
    CompletableFuture<T> later;
    try {
      later = CompletableFuture.supplyAsync(() -> run(body, work), executor);
    } catch (RejectedExecutionException e) {
      body.release();
      exchange.fail(new ServingException(ErrorKind.SHUTTING_DOWN, "The server is shutting down."));
      return;
    }
    CompletableFuture<Void> unused =
        later.handleAsync(
            (result, failure) -> {
              finish(exchange, later, done);
              return null;
            },
            exchange.loop());
  }

  /**
   * As {@link #convert}, for the body of a request, of which nothing is wanted once its client has
   * left.
   *
   * @param drop gets the result instead if it has
   */
  <T> void convertRequest(
      Exchange exchange,
      ByteBuf body,
      Function<ByteBuf, T> work,
      Consumer<T> done,
      Consumer<T> drop) {
    boolean[] gone = new boolean[1];
    exchange.onClientGone(() -> gone[0] = true);
    convert(exchange, body, work, result -> (gone[0] ? drop : done).accept(result));
  }

  private static <T> T run(ByteBuf body, Function<ByteBuf, T> work) {
    try {
      return work.apply(body);
    } finally {
      body.release();
    }
  }

  private static <T> void finish(
      Exchange exchange, CompletableFuture<T> converted, Consumer<T> done) {
    try {
      done.accept(converted.join());
    } catch (Throwable e) {
      exchange.fail(
          ServingException.of(
              e,
              cause -> {
                LOG.error("Request {} failed", exchange.requestId(), cause);
                return ServingException.internal(cause);
              }));
    }
  }
}
