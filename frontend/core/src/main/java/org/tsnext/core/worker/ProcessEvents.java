package org.tsnext.core.worker;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.RestartCause;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/**
 * What happens to the processes of one model version, and what follows for their slots: a start
 * that succeeded or failed, a loss, an end. Belongs to the supervisor's events, but for what says
 * otherwise.
 */
final class ProcessEvents {

  private static final Logger LOGGER = LoggerFactory.getLogger(ProcessEvents.class);

  /** The log of what handlers print, where the reason is looked for as well. */
  private static final Logger MODEL_LOG = LoggerFactory.getLogger("MODEL_LOG");

  /** The class name is matched by alert rules written for TorchServe 0.12. */
  private static final String GIVEN_UP =
      "Backend worker error\norg.pytorch.serve.wlm.WorkerInitializationException: {}";

  private static final String NO_RESPONSE = "Backend worker did not respond in given time";

  private final WorkerContext context;
  private final WorkerDrain drain;
  private final Waiters waiters;
  private final Consumer<WorkerSlot> gone;
  private final FailureLog failures = new FailureLog();
  private final LoadFailureLog loadFailures;
  private int silences;

  /** Written by the threads of the workers' sockets, of which all say the same. */
  private volatile Set<String> openAiRoutes = Set.of();

  /**
   * Makes the events of a group of workers.
   *
   * @param waiters are told of a worker that could not be brought up
   * @param gone takes a slot that was leaving, once its process has ended
   */
  ProcessEvents(
      WorkerContext context, WorkerDrain drain, Waiters waiters, Consumer<WorkerSlot> gone) {
    this.context = Objects.requireNonNull(context, "context");
    this.loadFailures = new LoadFailureLog(context.plan().baseSpec().modelName());
    this.drain = Objects.requireNonNull(drain, "drain");
    this.waiters = Objects.requireNonNull(waiters, "waiters");
    this.gone = Objects.requireNonNull(gone, "gone");
  }

  WorkerContext context() {
    return context;
  }

  /** What went wrong. From any thread. */
  FailureLog failures() {
    return failures;
  }

  /** The paths of the OpenAI API that the handler serves. From any thread. */
  Set<String> openAiRoutes() {
    return openAiRoutes;
  }

  /** From any thread. */
  void openAiRoutes(Set<String> routes) {
    openAiRoutes = Set.copyOf(routes);
  }

  /** From any thread. */
  void metric(MetricSample sample) {
    context.metrics().emitted(sample);
  }

  /** From any thread. */
  void remember(WorkerSlot slot, WorkerError error) {
    slot.lastError = Optional.of(error);
    failures.add(error);
  }

  void connected(WorkerRun run, String address) {
    LOGGER.info("Connecting to: {}", address);
    if (isCurrent(run) && run.slot().is(WorkerState.STARTING)) {
      run.slot().moveTo(WorkerState.LOADING, context.wallClock());
    }
  }

  /** A worker that is forked later finds these modules imported. */
  void imported(WorkerRun run, List<String> modules) {
    run.spec()
        .process()
        .imports()
        .ifPresent(
            imports ->
                context.supervisorContext().starter().imported(imports.versionId(), modules));
  }

  void loaded(WorkerRun run, Duration took) {
    WorkerSlot slot = run.slot();
    if (!isCurrent(run) || !slot.isComingUp() || run.isDisconnected()) {
      return;
    }
    if (slot.is(WorkerState.STARTING)) {
      slot.moveTo(WorkerState.LOADING, context.wallClock());
    }
    slot.moveTo(WorkerState.READY, context.wallClock());
    slot.loadFailed = false;
    loadFailures.loaded();
    run.cancelTimers();
    run.readyAtNanos = OptionalLong.of(context.nanoTime());
    context.metrics().loaded(slot.name(), Duration.ofNanos(context.nanoTime() - run.startNanos()));
    LOGGER.debug("{} loaded its model in {} ms", slot.name(), took.toMillis());
    if (slot.firstFailureNanos.isPresent()) {
      LOGGER.info("Auto recovery succeeded, reset recoveryStartTS");
    }
    run.register(context.work().open(slot.id(), run.process.orElseThrow(), run));
    if (run.isDisconnected()) {
      // It was lost while it was registered, and its thread did not see the registration.
      run.registration().ifPresent(WorkerRegistration::lost);
    }
  }

  void loadFailed(WorkerRun run, LoadFailure failure) {
    WorkerSlot slot = run.slot();
    run.failedAsBefore = loadFailures.log(run, failure);
    run.loadFailure = Optional.of(failure);
    WorkerError error =
        WorkerError.ofPython(
            context.wallClock(), failure.message(), failure.detail(), failure.traceback());
    remember(slot, error);
    failures.addLoad(error);
    run.process.ifPresent(process -> process.stop(WorkerDrain.STOP_GRACE));
  }

  void silent(WorkerRun run, Duration responseTimeout) {
    silences++;
    LOGGER.error("Number or consecutive unsuccessful inference {}", silences);
    end(
        run,
        RestartCause.RESPONSE_TIMEOUT,
        NO_RESPONSE,
        "the worker did not respond to the running batch within "
            + responseTimeout.toMillis()
            + " ms (responseTimeout)");
  }

  /** A process is to be replaced; one that fails finishes what it runs, and takes no more. */
  void replace(WorkerRun run, Replacement how, String reason) {
    WorkerSlot slot = run.slot();
    if (!isCurrent(run) || !slot.is(WorkerState.READY)) {
      return;
    }
    LOGGER.error("{} is replaced: {}", slot.name(), reason);
    MODEL_LOG.warn("{} is replaced: {}", slot.name(), reason);
    run.endedFor = Optional.of(reason);
    run.replacement = Optional.of(how);
    run.endCause = how.cause();
    slot.moveTo(WorkerState.BACKOFF, context.wallClock());
    if (how == Replacement.FAILING) {
      drain.begin(run, context.plan().drainTimeout());
    } else {
      run.process.ifPresent(process -> process.stop(WorkerDrain.STOP_GRACE));
    }
  }

  void disconnected(WorkerRun run, String reason) {
    WorkerSlot slot = run.slot();
    LOGGER.info("{} Worker disconnected. {}", slot.id(), slot.shownState());
    LOGGER.debug("{} lost its connection: {}", slot.name(), reason);
    if (isCurrent(run) && slot.is(WorkerState.READY)) {
      slot.moveTo(WorkerState.BACKOFF, context.wallClock());
    }
    run.process.ifPresent(process -> process.stop(WorkerDrain.STOP_GRACE));
  }

  void exited(WorkerRun run, ExitStatus status) {
    WorkerSlot slot = run.slot();
    run.cancelTimers();
    WorkerDeath death = WorkerDeath.of(run, status);
    run.ended(death);
    if (!isCurrent(run)) {
      return;
    }
    slot.run = Optional.empty();
    if (slot.leaving) {
      gone.accept(slot);
      return;
    }
    slot.restartCause = death.cause();
    slot.lastExit = Optional.of(WorkerExit.of(context.wallClock(), run, status));
    if (run.replacement.isPresent()) {
      awake(
          slot.countReplacement(
              run.replacement.get(), run.isUseful(), context.nanoTime(), context.wallClock()));
      return;
    }
    if (run.loadFailure.isPresent()) {
      slot.loadFailed = true;
    } else {
      WorkerError error = WorkerError.ofExit(context.wallClock(), death);
      remember(slot, error);
      if (run.readyAtNanos.isEmpty()) {
        failures.addLoad(error);
      }
    }
    if (run.endedFor.isEmpty() && run.failedAsBefore.isEmpty()) {
      LOGGER.error(GIVEN_UP, death.logText());
    }
    account(slot, run);
    waiters.fail(death);
  }

  /** A process that is idle does not answer. */
  void unresponsive(WorkerRun run, String reason) {
    end(run, RestartCause.UNRESPONSIVE, NO_RESPONSE, reason);
  }

  /** Kills a process that is at fault. Its exit decides what comes next. */
  void end(WorkerRun run, RestartCause cause, String logText, String reason) {
    WorkerSlot slot = run.slot();
    boolean ending = run.endedFor.isPresent() && run.replacement.isEmpty();
    if (!isCurrent(run) || ending) {
      return;
    }
    run.replacement = Optional.empty();
    LOGGER.error(GIVEN_UP, logText);
    run.endedFor = Optional.of(reason);
    run.endCause = cause;
    if (!slot.leaving && !slot.is(WorkerState.BACKOFF)) {
      slot.moveTo(WorkerState.BACKOFF, context.wallClock());
    }
    run.registration().ifPresent(WorkerRegistration::lost);
    run.process.ifPresent(WorkerProcess::kill);
  }

  /** Counts a failure, and decides whether and when to try again. */
  private void account(WorkerSlot slot, WorkerRun run) {
    long now = context.nanoTime();
    if (run.isSound(now)) {
      slot.forgive();
      silences = run.endedFor.isPresent() ? silences : 0;
    }
    slot.countFailure(context.plan().restarts(), run.failedAsBefore, now, context.wallClock())
        .ifPresent(this::awake);
  }

  /** Looks around again after {@code delay}. */
  private void awake(Duration delay) {
    if (!delay.isZero()) {
      // The event itself is empty: after it, the supervisor looks around.
      context.supervisorContext().scheduler().schedule(delay, () -> context.put(() -> {}));
    }
  }

  private boolean isCurrent(WorkerRun run) {
    return run.slot().run.isPresent() && run.slot().run.get() == run;
  }
}
