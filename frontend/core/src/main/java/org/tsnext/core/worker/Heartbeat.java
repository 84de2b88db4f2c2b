package org.tsnext.core.worker;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;

/**
 * Finds processes that hang while they have nothing to do. An idle worker is asked for a sign of
 * life; one that has had work since reads no frames while it runs, and responseTimeout watches over
 * it. Belongs to the supervisor's events.
 */
final class Heartbeat {

  private final Duration interval;
  private final Duration timeout;
  private final Clock clock;
  private final Scheduler scheduler;
  private final Consumer<Runnable> events;
  private final BiConsumer<WorkerRun, String> fault;

  private boolean armed;

  /**
   * Makes the heartbeat of a group of workers.
   *
   * @param plan how long a worker is idle before it is asked, and how long its answer may take
   * @param events puts an event into the supervisor's queue
   * @param fault takes a process that must be killed, and why
   */
  Heartbeat(
      WorkerPlan plan,
      SupervisorContext supervisorContext,
      Consumer<Runnable> events,
      BiConsumer<WorkerRun, String> fault) {
    this.interval = plan.heartbeatInterval();
    this.timeout = plan.heartbeatTimeout();
    this.clock = supervisorContext.clock();
    this.scheduler = supervisorContext.scheduler();
    this.events = events;
    this.fault = fault;
  }

  /** Sees to it that loaded workers are looked at. {@code slots} is read again at that time. */
  void arm(List<WorkerSlot> slots) {
    if (armed || slots.stream().noneMatch(slot -> slot.is(WorkerState.READY))) {
      return;
    }
    scheduler.schedule(
        interval,
        () ->
            events.accept(
                () -> {
                  armed = false;
                  List.copyOf(slots).forEach(this::look);
                }));
    armed = true;
  }

  private void look(WorkerSlot slot) {
    Optional<WorkerRegistration> registration = slot.run.flatMap(WorkerRun::registration);
    if (registration.isPresent() && slot.is(WorkerState.READY)) {
      WorkerRun run = slot.run.get();
      check(run, registration.get(), clock.nanoTime())
          .ifPresent(reason -> fault.accept(run, reason));
    }
  }

  /** Pings if it is time, and returns why the process must be killed, if it must. */
  private Optional<String> check(WorkerRun run, WorkerRegistration registration, long nowNanos) {
    OptionalLong idleSince = registration.idleSince();
    run.ping = run.ping.filter(sent -> !run.hasResponse(sent) && isIdleSince(sent, idleSince));
    if (run.ping.isPresent()) {
      return nowNanos - run.ping.get().sentNanos() < timeout.toNanos()
          ? Optional.empty()
          : Optional.of("idle, and no response to a ping within " + timeout.toMillis() + " ms");
    }
    if (idleSince.isPresent() && nowNanos - idleSince.getAsLong() >= interval.toNanos()) {
      run.sendPing(nowNanos);
    }
    return Optional.empty();
  }

  private static boolean isIdleSince(WorkerRun.Ping sent, OptionalLong idleSince) {
    return idleSince.isPresent() && idleSince.getAsLong() - sent.sentNanos() <= 0;
  }
}
