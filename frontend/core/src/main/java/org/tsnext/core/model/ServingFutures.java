package org.tsnext.core.model;

import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Futures of management, which fail with serving exceptions alone. */
final class ServingFutures {

  private static final Logger LOGGER = LoggerFactory.getLogger(ServingFutures.class);

  private ServingFutures() {}

  /** Runs {@code work}; what it throws, now or later, fails the result as a serving exception. */
  static <T> CompletableFuture<T> respond(Supplier<CompletableFuture<T>> work) {
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      whenDone(work.get(), (value, failure) -> settle(result, value, failure));
    } catch (Throwable e) {
      settle(result, null, e);
    }
    return result;
  }

  @SuppressWarnings("FutureReturnValueIgnored") // The action is the end; it does not throw.
  static <T> void whenDone(
      CompletableFuture<T> work, BiConsumer<? super T, ? super Throwable> action) {
    work.whenComplete(action);
  }

  static <T> void settle(CompletableFuture<T> result, T value, Throwable failure) {
    if (failure == null) {
      result.complete(value);
    } else {
      result.completeExceptionally(servingException(failure));
    }
  }

  static ServingException servingException(Throwable failure) {
    return ServingException.of(
        failure,
        cause -> {
          LOGGER.error("Model management failed", cause);
          return new ServingException(ErrorKind.INTERNAL, "Internal error: " + cause, cause);
        });
  }
}
