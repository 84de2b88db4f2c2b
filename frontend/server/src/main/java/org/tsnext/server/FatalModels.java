package org.tsnext.server;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.tsnext.core.model.Readiness;
import org.tsnext.core.time.Scheduler;

/**
 * The models of the start that end the server when they have failed for good ({@code
 * exit_on_load_failure}).
 */
final class FatalModels {
  /** How often they are looked at. */
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(500);

  private final Readiness readiness;
  private final boolean enabled;
  private final Scheduler scheduler;

  /**
   * @param enabled whether there are any
   */
  FatalModels(Readiness readiness, boolean enabled, Scheduler scheduler) {
    this.readiness = Objects.requireNonNull(readiness, "readiness");
    this.enabled = enabled;
    this.scheduler = Objects.requireNonNull(scheduler, "scheduler");
  }

  /** One that has failed, with the cause. */
  Optional<String> failed() {
    return enabled
        ? readiness.givenUpAtStart().map(text -> text + " (exit_on_load_failure)")
        : Optional.empty();
  }

  /**
   * Tells, once, of the first that has failed, now or later.
   *
   * @param end called here or by the scheduler; must not block
   */
  void watch(Consumer<String> end) {
    if (enabled) {
      failed()
          .ifPresentOrElse(
              end,
              () -> {
                Scheduler.Scheduled unused = scheduler.schedule(LOOK_INTERVAL, () -> watch(end));
              });
    }
  }
}
