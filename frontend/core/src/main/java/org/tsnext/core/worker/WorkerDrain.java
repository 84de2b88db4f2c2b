package org.tsnext.core.worker;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.tsnext.core.time.Scheduler;

/**
 * How a loaded worker leaves: no new work, time to finish what it has, then a polite end; and a
 * kill when its time is over. Belongs to the supervisor's events.
 *
 * @param events puts an event into the supervisor's queue
 */
record WorkerDrain(Scheduler scheduler, Consumer<Runnable> events) {

  /** For a process that was told to end, or ends by itself, before it is killed. */
  static final Duration STOP_GRACE = Duration.ofSeconds(5);

  void begin(WorkerRun life, Duration limit) {
    life.registration()
        .ifPresent(
            registration ->
                registration.drain(
                    () ->
                        events.accept(
                            () -> life.process.ifPresent(process -> process.stop(STOP_GRACE)))));
    limit(life, limit);
  }

  /** Sets the limit anew; negative for none, zero for at once. */
  void limit(WorkerRun life, Duration limit) {
    life.drainTimer.ifPresent(Scheduler.Scheduled::cancel);
    life.drainTimer = Optional.empty();
    if (limit.isZero()) {
      kill(life);
    } else if (!limit.isNegative()) {
      life.drainTimer =
          Optional.of(scheduler.schedule(limit, () -> events.accept(() -> kill(life))));
    }
  }

  private static void kill(WorkerRun life) {
    life.registration().ifPresent(WorkerRegistration::lost);
    life.process.ifPresent(WorkerProcess::kill);
  }
}
