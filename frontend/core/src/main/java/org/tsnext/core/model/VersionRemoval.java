package org.tsnext.core.model;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.time.Scheduler;

/** The way out of model versions: their workers end, then their files go. Thread-safe. */
final class VersionRemoval {

  /** Beyond the drain time, for processes to end after they were killed. */
  private static final Duration KILL_GRACE = Duration.ofSeconds(10);

  private final Scheduler scheduler;
  private final Executor executor;
  private final Consumer<ModelVersion> discard;
  private final Consumer<ModelVersion> removed;

  /** Versions on their way out, so that asking twice gives one answer. */
  private final Map<ModelVersion, CompletableFuture<Void>> leaving = new ConcurrentHashMap<>();

  /**
   * @param executor runs {@code discard}, which blocks
   * @param discard removes a version's files, once its workers are gone
   * @param removed takes a version that is no more
   */
  VersionRemoval(
      Scheduler scheduler,
      Executor executor,
      Consumer<ModelVersion> discard,
      Consumer<ModelVersion> removed) {
    this.scheduler = Objects.requireNonNull(scheduler, "scheduler");
    this.executor = Objects.requireNonNull(executor, "executor");
    this.discard = Objects.requireNonNull(discard, "discard");
    this.removed = Objects.requireNonNull(removed, "removed");
  }

  /** Ends the workers, then removes the files and the version. Asked again, it speeds up. */
  CompletableFuture<Void> remove(ModelVersion version, Duration drainTimeout) {
    CompletableFuture<Void> gone = new CompletableFuture<>();
    CompletableFuture<Void> before = leaving.putIfAbsent(version, gone);
    CompletableFuture<Void> stopped = version.supervisor().stop(drainTimeout);
    if (before != null) {
      return before;
    }
    ServingFutures.whenDone(
        stopped.thenRunAsync(() -> discard.accept(version), executor),
        (none, failure) -> {
          removed.accept(version);
          leaving.remove(version);
          ServingFutures.settle(gone, null, failure);
        });
    return gone;
  }

  /** {@code work}, or a failure once the drain time and a grace for kills are over. */
  CompletableFuture<Void> within(
      Duration drainTimeout, String modelName, CompletableFuture<Void> work) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    Scheduler.Scheduled timer =
        scheduler.schedule(
            drainTimeout.plus(KILL_GRACE),
            () ->
                result.completeExceptionally(
                    new ServingException(
                        ErrorKind.UNREGISTER_TIMEOUT,
                        "Timed out while cleaning resources: " + modelName)));
    ServingFutures.whenDone(
        work,
        (none, failure) -> {
          timer.cancel();
          ServingFutures.settle(result, null, failure);
        });
    return result;
  }
}
