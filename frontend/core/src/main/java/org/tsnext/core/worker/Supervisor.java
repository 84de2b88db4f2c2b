package org.tsnext.core.worker;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.concurrent.SerialQueue;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/**
 * Keeps the workers of one model version as they should be. Everything that happens is an event in
 * one queue; after each event the supervisor looks at what is, compares it with what should be, and
 * takes a step. Its fields belong to the events, but for the snapshot.
 */
public final class Supervisor {

  private static final Logger LOGGER = LoggerFactory.getLogger(Supervisor.class);

  /** The log of what handlers print, where the reason is looked for as well. */
  private static final Logger MODEL_LOG = LoggerFactory.getLogger("MODEL_LOG");

  /** For a process that was told to end, or ends by itself, before it is killed. */
  private static final Duration STOP_GRACE = Duration.ofSeconds(5);

  /** The class name is matched by alert rules written for TorchServe 0.12. */
  private static final String GIVEN_UP =
      "Backend worker error\norg.pytorch.serve.wlm.WorkerInitializationException: {}";

  private static final String NO_RESPONSE = "Backend worker did not respond in given time";

  private final WorkerPlan plan;
  private final WorkSource work;
  private final VersionMetrics metrics;
  private final SupervisorTools tools;
  private final SerialQueue events;

  private final List<WorkerSlot> slots = new ArrayList<>();
  private final Waiters waiters;
  private final Heartbeat heartbeat;
  private final Departure departure;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private Workforce reported = Workforce.NONE;
  private boolean stopping;
  private int silences;

  private int min;
  private int max;

  /** The process that has the model loaded for the workers, from the first of them on. */
  private OptionalInt parentInUse = OptionalInt.empty();

  /** Replaced after every event. */
  private volatile WorkersSnapshot snapshot = new WorkersSnapshot(0, 0, List.of());

  private final FailureLog failures = new FailureLog();

  /**
   * @param metrics of the version; the caller's to close
   */
  public Supervisor(
      WorkerPlan plan, WorkSource work, VersionMetrics metrics, SupervisorTools tools) {
    this.plan = Objects.requireNonNull(plan, "plan");
    this.work = Objects.requireNonNull(work, "work");
    this.metrics = Objects.requireNonNull(metrics, "metrics");
    this.tools = Objects.requireNonNull(tools, "tools");
    this.events =
        new SerialQueue(
            tools.executor(), failure -> LOGGER.error("Supervision failed at an event", failure));
    this.waiters = new Waiters(plan.template().modelName(), plan.template().modelVersion());
    this.departure = new Departure(tools.scheduler(), this::put, STOP_GRACE);
    this.heartbeat =
        new Heartbeat(plan, tools, this::put, (life, reason) -> end(life, NO_RESPONSE, reason));
  }

  /**
   * Fewer than {@code min} workers: the difference is started. More than {@code max}: the surplus
   * goes, last first, after finishing what it runs. Workers that have failed are started again at
   * once.
   *
   * @param drainTimeout for leaving workers; negative for no limit, empty for the plan's
   */
  public ScaleProgress scale(int min, int max, Optional<Duration> drainTimeout) {
    ScaleProgress progress = new ScaleProgress();
    put(
        () -> {
          if (!stopping) {
            setNumbers(min, max, drainTimeout.orElse(plan.drainTimeout()));
          }
          waiters.add(progress.done());
          reconcile();
          progress.accepted().complete(null);
        });
    return progress;
  }

  /**
   * Ends all workers, for good.
   *
   * @param drainTimeout how long they may finish what they run; negative for no limit
   * @return completes when no process is left
   */
  public CompletableFuture<Void> stop(Duration drainTimeout) {
    put(
        () -> {
          stopping = true;
          List.copyOf(slots).forEach(slot -> release(slot, drainTimeout));
        });
    return stopped;
  }

  /** The workers in order of their creation, and how many there should be. From any thread. */
  public Roster roster() {
    return snapshot.roster();
  }

  /** Workers that have the model loaded. From any thread. */
  public int readyWorkers() {
    return snapshot.ready();
  }

  /** What went wrong. From any thread. */
  public FailureLog failures() {
    return failures;
  }

  // What lives report; through the queue, unless it says otherwise.

  /** From any thread: an event to handle, and then to look around. */
  void put(Runnable event) {
    events.execute(
        () -> {
          try {
            event.run();
          } finally {
            reconcile();
          }
        });
  }

  /** From any thread. */
  long nanoTime() {
    return tools.clock().nanoTime();
  }

  /** From any thread. */
  Instant wallClock() {
    return tools.clock().now();
  }

  /** From any thread. */
  void metric(MetricSample sample) {
    metrics.emitted(sample);
  }

  /** From any thread. */
  void remember(WorkerSlot slot, WorkerError error) {
    slot.lastError = Optional.of(error);
    failures.add(error);
  }

  void connected(WorkerLife life, String address) {
    LOGGER.info("Connecting to: {}", address);
    if (isCurrent(life) && life.slot().is(WorkerState.STARTING)) {
      life.slot().moveTo(WorkerState.LOADING, wallClock());
    }
  }

  void loaded(WorkerLife life, Duration took) {
    WorkerSlot slot = life.slot();
    if (!isCurrent(life) || !slot.isComingUp() || life.isDisconnected()) {
      return;
    }
    if (slot.is(WorkerState.STARTING)) {
      slot.moveTo(WorkerState.LOADING, wallClock());
    }
    slot.moveTo(WorkerState.READY, wallClock());
    life.cancelTimers();
    life.readyAtNanos = OptionalLong.of(nanoTime());
    metrics.loaded(slot.name(), Duration.ofNanos(nanoTime() - life.startNanos()));
    LOGGER.debug("{} loaded its model in {} ms", slot.name(), took.toMillis());
    if (slot.firstFailureNanos.isPresent()) {
      LOGGER.info("Auto recovery succeeded, reset recoveryStartTS");
    }
    life.takeSeat(work.open(slot.id(), life.process.orElseThrow(), life));
    if (life.isDisconnected()) {
      // It was lost while it sat down, and its thread did not see the seat.
      life.seat().ifPresent(WorkSeat::lost);
    }
  }

  void loadFailed(WorkerLife life, LoadFailure failure) {
    WorkerSlot slot = life.slot();
    LOGGER.warn(
        "Load model failed: {}, error: {}",
        plan.template().modelName(),
        failure.detail().isEmpty() ? failure.message() : failure.detail());
    life.loadFailure = Optional.of(failure);
    WorkerError error =
        WorkerError.ofPython(wallClock(), failure.message(), failure.detail(), failure.traceback());
    remember(slot, error);
    failures.addLoad(error);
    life.process.ifPresent(process -> process.stop(STOP_GRACE));
  }

  void silent(WorkerLife life, Duration responseTimeout) {
    silences++;
    LOGGER.error("Number or consecutive unsuccessful inference {}", silences);
    end(
        life,
        NO_RESPONSE,
        "no word on the running batch within " + responseTimeout.toMillis() + " ms");
  }

  /** A process is to be replaced; one that fails finishes what it runs, and takes no more. */
  void replace(WorkerLife life, WorkerLife.Replacement how, String reason) {
    WorkerSlot slot = life.slot();
    if (!isCurrent(life) || !slot.is(WorkerState.READY)) {
      return;
    }
    LOGGER.error("{} is replaced: {}", slot.name(), reason);
    MODEL_LOG.warn("{} is replaced: {}", slot.name(), reason);
    life.endedFor = Optional.of(reason);
    life.replacement = Optional.of(how);
    slot.moveTo(WorkerState.BACKOFF, wallClock());
    if (how == WorkerLife.Replacement.FAILING) {
      departure.begin(life, plan.drainTimeout());
    } else {
      life.process.ifPresent(process -> process.stop(STOP_GRACE));
    }
  }

  void disconnected(WorkerLife life, String reason) {
    WorkerSlot slot = life.slot();
    LOGGER.info("{} Worker disconnected. {}", slot.id(), slot.shownState());
    LOGGER.debug("{} lost its connection: {}", slot.name(), reason);
    if (isCurrent(life) && slot.is(WorkerState.READY)) {
      slot.moveTo(WorkerState.BACKOFF, wallClock());
    }
    life.process.ifPresent(process -> process.stop(STOP_GRACE));
  }

  void exited(WorkerLife life, ExitStatus status) {
    WorkerSlot slot = life.slot();
    life.cancelTimers();
    if (!isCurrent(life)) {
      return;
    }
    slot.life = Optional.empty();
    if (slot.leaving) {
      remove(slot);
      return;
    }
    WorkerDeath death = WorkerDeath.of(life, status);
    slot.lastExit = Optional.of(WorkerExit.of(wallClock(), life, status));
    if (life.replacement.isPresent()) {
      awake(
          slot.countReplacement(life.replacement.get(), life.isUseful(), nanoTime(), wallClock()));
      return;
    }
    if (life.loadFailure.isEmpty()) {
      WorkerError error = WorkerError.ofExit(wallClock(), death);
      remember(slot, error);
      if (life.readyAtNanos.isEmpty()) {
        failures.addLoad(error);
      }
    }
    if (life.endedFor.isEmpty()) {
      LOGGER.error(GIVEN_UP, death.logText());
    }
    account(slot, life);
    waiters.fail(death);
  }

  // What should be.

  private void setNumbers(int atLeast, int atMost, Duration drainTimeout) {
    min = atLeast;
    max = atMost;
    List<WorkerSlot> staying = staying();
    for (int i = staying.size(); i < min; i++) {
      int id = tools.ids().take();
      OptionalInt gpuId = plan.gpus().take();
      String name = plan.order(id, gpuId).workerName();
      slots.add(new WorkerSlot(id, gpuId, name, wallClock()));
    }
    for (int i = staying.size() - 1; i >= max; i--) {
      release(staying.get(i), drainTimeout);
    }
    for (WorkerSlot slot : staying()) {
      if (slot.is(WorkerState.FAILED)) {
        slot.forgive();
        start(slot);
      } else if (slot.restartAtNanos.isPresent()) {
        // The operator may have removed the cause, and waits for the outcome.
        slot.restartAtNanos = OptionalLong.of(nanoTime());
      }
    }
  }

  /** One look at everything: starts what is due, and tells those who wait. */
  private void reconcile() {
    long now = nanoTime();
    for (WorkerSlot slot : List.copyOf(slots)) {
      boolean fresh = slot.launches == 0 && slot.life.isEmpty() && !slot.leaving;
      boolean due =
          slot.is(WorkerState.BACKOFF)
              && slot.restartAtNanos.isPresent()
              && slot.restartAtNanos.getAsLong() - now <= 0;
      if (fresh || due) {
        start(slot);
      }
    }
    snapshot = new WorkersSnapshot(min, max, slots.stream().map(WorkerSlot::glimpse).toList());
    heartbeat.arm(slots);
    reportWorkforce();
    tellWaiting();
    if (slots.isEmpty()) {
      parentInUse.ifPresent(tools.launcher()::release);
      parentInUse = OptionalInt.empty();
    }
    if (stopping && slots.isEmpty()) {
      stopped.complete(null);
    }
  }

  private void start(WorkerSlot slot) {
    WorkerOrder order = plan.order(slot.id(), slot.gpuId());
    long now = nanoTime();
    FailureStreak streak = new FailureStreak(plan.maxFailuresInRow(), slot.replaceableNanos(now));
    WorkerLife life = new WorkerLife(this, slot, order, now, streak);
    slot.begin(life, wallClock());
    Duration limit = order.startupTimeout();
    String tooLate = "not loaded within startupTimeout, " + limit.toMillis() + " ms";
    Runnable giveUp = () -> end(life, "Backend worker startup time out.", tooLate);
    life.startupTimer = Optional.of(tools.scheduler().schedule(limit, () -> put(giveUp)));
    parentInUse = order.process().parent();
    try {
      life.process = Optional.of(tools.launcher().launch(order, life));
    } catch (Throwable e) {
      LOGGER.error("{} could not be started", slot.name(), e);
      put(() -> exited(life, new ExitStatus(-1, 0, "could not be started: " + e)));
    }
  }

  /** Kills a process that is at fault. Its exit decides what comes next. */
  private void end(WorkerLife life, String logText, String reason) {
    WorkerSlot slot = life.slot();
    boolean ending = life.endedFor.isPresent() && life.replacement.isEmpty();
    if (!isCurrent(life) || ending) {
      return;
    }
    life.replacement = Optional.empty();
    LOGGER.error(GIVEN_UP, logText);
    life.endedFor = Optional.of(reason);
    if (!slot.leaving && !slot.is(WorkerState.BACKOFF)) {
      slot.moveTo(WorkerState.BACKOFF, wallClock());
    }
    life.seat().ifPresent(WorkSeat::lost);
    life.process.ifPresent(WorkerProcess::kill);
  }

  /** Counts a failure, and decides whether and when to try again. */
  private void account(WorkerSlot slot, WorkerLife life) {
    long now = nanoTime();
    if (life.isSound(now)) {
      slot.forgive();
      silences = life.endedFor.isPresent() ? silences : 0;
    }
    slot.countFailure(plan.restarts(), now, wallClock()).ifPresent(this::awake);
  }

  /** Looks around again after {@code delay}. */
  private void awake(Duration delay) {
    if (!delay.isZero()) {
      // The event itself is empty: after it, the supervisor looks around.
      tools.scheduler().schedule(delay, () -> put(() -> {}));
    }
  }

  /** Lets a worker go: at once if it has no process, else when it has finished or must. */
  private void release(WorkerSlot slot, Duration drainTimeout) {
    Optional<WorkerLife> life = slot.life;
    slot.leaving = true;
    if (life.isEmpty()) {
      remove(slot);
      return;
    }
    if (slot.is(WorkerState.READY)) {
      slot.moveTo(WorkerState.DRAINING, wallClock());
      departure.begin(life.get(), drainTimeout);
    } else if (slot.is(WorkerState.DRAINING)) {
      departure.limit(life.get(), drainTimeout);
    } else {
      if (slot.isComingUp()) {
        slot.moveTo(WorkerState.DRAINING, wallClock());
      }
      life.get().process.ifPresent(WorkerProcess::kill);
    }
  }

  private void remove(WorkerSlot slot) {
    slot.moveTo(WorkerState.STOPPED, wallClock());
    slots.remove(slot);
    tools.ids().giveBack(slot.id());
  }

  private void reportWorkforce() {
    Workforce now = Workforce.of(staying(), failures);
    if (!now.equals(reported)) {
      reported = now;
      work.workforce(now);
    }
  }

  private void tellWaiting() {
    boolean settled = slots.stream().allMatch(slot -> !slot.leaving && slot.is(WorkerState.READY));
    if (settled) {
      waiters.succeed(slots.size());
    }
  }

  private List<WorkerSlot> staying() {
    return slots.stream().filter(slot -> !slot.leaving).toList();
  }

  private boolean isCurrent(WorkerLife life) {
    return life.slot().life.isPresent() && life.slot().life.get() == life;
  }
}
