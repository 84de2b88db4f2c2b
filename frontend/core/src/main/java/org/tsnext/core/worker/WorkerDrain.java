package org.tsnext.core.worker;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.tsnext.core.time.Scheduler;

/**
 * How a loaded worker leaves: no new work, time to finish what it has, then a polite end; and a
 * kill when its time is over. Belongs to the supervisor's events.
 *
 * @param nanoTime of the clock
 * @param events puts an event into the supervisor's queue
 */
record WorkerDrain(Scheduler scheduler, LongSupplier nanoTime, Consumer<Runnable> events) {

  /** For a process that was told to end, or ends by itself, before it is killed. */
  static final Duration STOP_GRACE = Duration.ofSeconds(5);

  void begin(WorkerRun run, Duration limit) {
    run.registration()
        .ifPresent(
            registration ->
                registration.drain(
                    () ->
                        events.accept(
                            () -> run.process.ifPresent(process -> process.stop(STOP_GRACE)))));
    limit(run, limit);
  }

  /** Sets a limit, if there is none or a later one; negative for none, zero for at once. */
  void limit(WorkerRun run, Duration limit) {
    if (limit.isZero()) {
      kill(run);
      return;
    }
    long killNanos = nanoTime.getAsLong() + limit.toNanos();
    boolean sooner = run.killNanos.isEmpty() || killNanos - run.killNanos.getAsLong() < 0;
    if (limit.isNegative() || !sooner) {
      return;
    }
    run.drainTimer.ifPresent(Scheduler.Scheduled::cancel);
    run.killNanos = OptionalLong.of(killNanos);
    run.drainTimer = Optional.of(scheduler.schedule(limit, () -> events.accept(() -> kill(run))));
  }

  private static void kill(WorkerRun run) {
    run.registration().ifPresent(WorkerRegistration::lost);
    run.process.ifPresent(WorkerProcess::kill);
  }
}
