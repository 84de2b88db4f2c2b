package org.tsnext.core.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Those who wait until the workers are as they should be. Belongs to the supervisor's events. */
final class Waiters {

  private final String modelName;
  private final String modelVersion;
  private final List<CompletableFuture<Integer>> waiting = new ArrayList<>();

  Waiters(String modelName, String modelVersion) {
    this.modelName = modelName;
    this.modelVersion = modelVersion;
  }

  void add(CompletableFuture<Integer> future) {
    waiting.add(future);
  }

  /** All workers that are to stay have loaded, and all others are gone. */
  void succeed(int loaded) {
    takeAll().forEach(future -> future.complete(loaded));
  }

  /** A worker could not be brought up. */
  void fail(WorkerDeath death) {
    ErrorKind kind =
        death.outOfMemory() ? ErrorKind.LOAD_OUT_OF_MEMORY : ErrorKind.WORKER_LOAD_FAILED;
    ServingException error =
        new ServingException(
                kind,
                "Failed to start workers for model " + modelName + " version: " + modelVersion)
            .withDetail(death.detail());
    takeAll().forEach(future -> future.completeExceptionally(error));
  }

  private List<CompletableFuture<Integer>> takeAll() {
    List<CompletableFuture<Integer>> taken = List.copyOf(waiting);
    waiting.clear();
    return taken;
  }
}
