package org.tsnext.core.worker;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.time.Scheduler.Scheduled;

/** How a process ended, in words, for those who wait for it. Thread-safe. */
final class EndReport {

  /** How long a request that is lost waits for the cause. */
  static final Duration LIMIT = Duration.ofSeconds(1);

  private final CompletableFuture<Optional<String>> words = new CompletableFuture<>();

  void complete(String how) {
    words.complete(Optional.of(how));
  }

  /** Tells it when it is known, or empty if that is not soon enough. */
  void onceKnown(Scheduler scheduler, Consumer<Optional<String>> told) {
    Scheduled limit = scheduler.schedule(LIMIT, () -> words.complete(Optional.empty()));
    CompletableFuture<Void> unused =
        words.thenAccept(
            how -> {
              limit.cancel();
              told.accept(how);
            });
  }
}
