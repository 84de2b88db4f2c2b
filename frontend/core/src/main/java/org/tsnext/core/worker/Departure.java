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
 * @param stopGrace for a process that was told to end
 */
record Departure(Scheduler scheduler, Consumer<Runnable> events, Duration stopGrace) {

  void begin(WorkerLife life, Duration limit) {
    life.seat()
        .ifPresent(
            seat ->
                seat.drain(
                    () ->
                        events.accept(
                            () -> life.process.ifPresent(process -> process.stop(stopGrace)))));
    limit(life, limit);
  }

  /** Sets the limit anew; negative for none, zero for at once. */
  void limit(WorkerLife life, Duration limit) {
    life.drainTimer.ifPresent(Scheduler.Scheduled::cancel);
    life.drainTimer = Optional.empty();
    if (limit.isZero()) {
      kill(life);
    } else if (!limit.isNegative()) {
      life.drainTimer =
          Optional.of(scheduler.schedule(limit, () -> events.accept(() -> kill(life))));
    }
  }

  private static void kill(WorkerLife life) {
    life.seat().ifPresent(WorkSeat::lost);
    life.process.ifPresent(WorkerProcess::kill);
  }
}
