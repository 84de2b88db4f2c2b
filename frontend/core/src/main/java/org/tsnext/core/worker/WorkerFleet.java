package org.tsnext.core.worker;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.metrics.RestartCause;
import org.tsnext.core.worker.WorkerListener.ExitStatus;

/**
 * The slots of the workers of one model version: grows, shrinks, and starts what is due. Belongs to
 * the supervisor's events.
 */
final class WorkerFleet {

  private static final Logger LOGGER = LoggerFactory.getLogger(WorkerFleet.class);

  private final WorkerContext context;
  private final WorkerDrain drain;
  private final ProcessEvents processes;
  private final List<WorkerSlot> slots = new ArrayList<>();
  private int min;
  private int max;

  /** The number of the processes of which the workers are forks, from the first of them on. */
  private OptionalInt templatesInUse = OptionalInt.empty();

  WorkerFleet(WorkerContext context, WorkerDrain drain, ProcessEvents processes) {
    this.context = Objects.requireNonNull(context, "context");
    this.drain = Objects.requireNonNull(drain, "drain");
    this.processes = Objects.requireNonNull(processes, "processes");
  }

  /** Those that are leaving included, in order of their creation. It changes with the fleet. */
  List<WorkerSlot> slots() {
    return slots;
  }

  /** Those that are to stay. */
  List<WorkerSlot> staying() {
    return slots.stream().filter(slot -> !slot.leaving).toList();
  }

  boolean isEmpty() {
    return slots.isEmpty();
  }

  /** Whether all have their model loaded, and none is leaving. */
  boolean isSettled() {
    return slots.stream().allMatch(slot -> !slot.leaving && slot.is(WorkerState.READY));
  }

  WorkersSnapshot snapshot() {
    return new WorkersSnapshot(min, max, slots.stream().map(WorkerSlot::state).toList());
  }

  /**
   * Fewer than {@code atLeast} workers: the difference is added. More than {@code atMost}: the
   * surplus leaves, last first. Workers that have failed are started again at once.
   */
  void resize(int atLeast, int atMost, Duration drainTimeout) {
    min = atLeast;
    max = atMost;
    List<WorkerSlot> staying = staying();
    for (int i = staying.size(); i < min; i++) {
      int id = context.supervisorContext().ids().take();
      OptionalInt gpuId = context.plan().gpus().take();
      String name = context.plan().spec(id, gpuId).workerName();
      slots.add(new WorkerSlot(id, gpuId, name, context.wallClock()));
    }
    for (int i = staying.size() - 1; i >= max; i--) {
      release(staying.get(i), drainTimeout);
    }
    for (WorkerSlot slot : staying()) {
      // The operator may have removed the cause: requests may wait for the outcome.
      slot.loadFailed = false;
      if (slot.is(WorkerState.FAILED)) {
        slot.forgive();
        start(slot);
      } else if (slot.restartAtNanos.isPresent()) {
        slot.restartAtNanos = OptionalLong.of(context.nanoTime());
      }
    }
  }

  /** Starts the workers that have not been started, and those whose wait is over. */
  void startDue() {
    long now = context.nanoTime();
    for (WorkerSlot slot : List.copyOf(slots)) {
      boolean fresh = slot.starts == 0 && slot.run.isEmpty() && !slot.leaving;
      boolean due =
          slot.is(WorkerState.BACKOFF)
              && slot.restartAtNanos.isPresent()
              && slot.restartAtNanos.getAsLong() - now <= 0;
      if (fresh || due) {
        start(slot);
      }
    }
  }

  private void start(WorkerSlot slot) {
    WorkerSpec spec = context.plan().spec(slot.id(), slot.gpuId());
    long now = context.nanoTime();
    FailureStreak streak =
        new FailureStreak(context.plan().maxFailuresInRow(), slot.replaceableNanos(now));
    WorkerRun run = new WorkerRun(processes, slot, spec, now, streak);
    if (slot.starts > 0) {
      context.metrics().restarted(slot.restartCause);
    }
    slot.begin(run, context.wallClock());
    Duration limit = spec.startupTimeout();
    String tooLate = "not loaded within startupTimeout, " + limit.toMillis() + " ms";
    Runnable giveUp =
        () ->
            processes.end(
                run, RestartCause.STARTUP_TIMEOUT, "Backend worker startup time out.", tooLate);
    templatesInUse = spec.process().templates();
    try {
      run.startupTimer =
          Optional.of(
              context.supervisorContext().scheduler().schedule(limit, () -> context.put(giveUp)));
      run.process = Optional.of(context.supervisorContext().starter().startWorker(spec, run));
    } catch (Throwable e) {
      LOGGER.error("{} could not be started", slot.name(), e);
      context.put(() -> processes.exited(run, new ExitStatus(-1, 0, "could not be started: " + e)));
    }
  }

  /** Lets all workers go. */
  void releaseAll(Duration drainTimeout) {
    List.copyOf(slots).forEach(slot -> release(slot, drainTimeout));
  }

  /** Gives up the processes of which the workers are forks, once no worker can need them. */
  void releaseTemplate() {
    templatesInUse.ifPresent(context.supervisorContext().starter()::release);
    templatesInUse = OptionalInt.empty();
  }

  /** Lets a worker go: at once if it has no process, else when it has finished or must. */
  private void release(WorkerSlot slot, Duration drainTimeout) {
    Optional<WorkerRun> run = slot.run;
    if (!slot.leaving) {
      slot.leaving = true;
      context.plan().gpus().giveBack(slot.gpuId());
    }
    if (run.isEmpty()) {
      remove(slot);
      return;
    }
    if (slot.is(WorkerState.READY)) {
      slot.moveTo(WorkerState.DRAINING, context.wallClock());
      drain.begin(run.get(), drainTimeout);
    } else if (slot.is(WorkerState.DRAINING)
        || run.get().replacement.equals(Optional.of(Replacement.FAILING))) {
      // Both finish what they have.
      drain.limit(run.get(), drainTimeout);
    } else {
      if (slot.isComingUp()) {
        slot.moveTo(WorkerState.DRAINING, context.wallClock());
      }
      run.get().process.ifPresent(WorkerProcess::kill);
    }
  }

  void remove(WorkerSlot slot) {
    slot.moveTo(WorkerState.STOPPED, context.wallClock());
    slots.remove(slot);
    context.supervisorContext().ids().giveBack(slot.id());
  }
}
