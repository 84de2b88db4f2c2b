package org.tsnext.core.worker;

import java.util.concurrent.CompletableFuture;

/**
 * How far a change of the number of workers has come. Both futures complete on the supervisor's
 * thread.
 *
 * @param accepted the numbers hold, and new workers count as present
 * @param done every worker that is to stay has loaded and every other is gone; its value is how
 *     many have loaded. Exceptionally, with a {@code ServingException}, when a worker fails before:
 *     the supervisor goes on trying all the same
 */
public record ScaleProgress(CompletableFuture<Void> accepted, CompletableFuture<Integer> done) {

  ScaleProgress() {
    this(new CompletableFuture<>(), new CompletableFuture<>());
  }
}
