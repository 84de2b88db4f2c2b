package org.tsnext.core.worker;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.metrics.RestartCause;

/**
 * The place of one worker in its group: it keeps id and device while processes come and go. Belongs
 * to the supervisor's events; others see {@link SlotState}s.
 */
final class WorkerSlot {

  private static final Logger LOGGER = LoggerFactory.getLogger(WorkerSlot.class);

  private final int id;
  private final OptionalInt gpuId;
  private final String name;
  private final Instant startTime;

  private Optional<WorkerState> state = Optional.empty();
  private Instant stateSince;

  /** Written by any thread. */
  volatile Optional<WorkerError> lastError = Optional.empty();

  Optional<WorkerRun> run = Optional.empty();
  OptionalLong pid = OptionalLong.empty();

  /** Its processes by rank, once they have the model; empty if it is one process. */
  List<Long> rankPids = List.of();

  /** Whether the model could not be loaded, for an error of Python, and has not been since. */
  boolean loadFailed;

  /** Why its process imports for itself what others share, if it does. */
  Optional<String> plainFork = Optional.empty();

  int starts;
  private int failures;
  OptionalLong firstFailureNanos = OptionalLong.empty();

  /** Processes that were replaced for failures in a row, within a time of each other. */
  private int replacements;

  private OptionalLong replacedNanos = OptionalLong.empty();

  /** Processes in a row that could serve no more before they had answered anything. */
  private int useless;

  private Optional<Recovery> recovery = Optional.empty();
  Optional<WorkerExit> lastExit = Optional.empty();

  /** How the last process ended, for the metrics. */
  RestartCause restartCause = RestartCause.CRASHED;

  /** When to start again; only in BACKOFF, and only once the last process is gone. */
  OptionalLong restartAtNanos = OptionalLong.empty();

  /** Whether it is to go. */
  boolean leaving;

  WorkerSlot(int id, OptionalInt gpuId, String name, Instant now) {
    this.id = id;
    this.gpuId = gpuId;
    this.name = name;
    this.startTime = now;
    this.stateSince = now;
  }

  int id() {
    return id;
  }

  OptionalInt gpuId() {
    return gpuId;
  }

  String name() {
    return name;
  }

  boolean is(WorkerState expected) {
    return state.isPresent() && state.get() == expected;
  }

  /** Whether a process is on its way up. */
  boolean isComingUp() {
    return is(WorkerState.STARTING) || is(WorkerState.LOADING);
  }

  String shownState() {
    return state.map(WorkerState::shownState).orElse("null");
  }

  /**
   * Enters {@code next}.
   *
   * @throws IllegalStateException if the table of moves does not have it
   */
  void moveTo(WorkerState next, Instant now) {
    if (state.isPresent() && !state.get().canMoveTo(next)) {
      throw new IllegalStateException(name + " cannot move from " + state.get() + " to " + next);
    }
    if (!shownState().equals(next.shownState())) { // some of our moves have one name in the log
      LOGGER.debug("{} State change {} -> {}", name, shownState(), next.shownState());
    }
    state = Optional.of(next);
    stateSince = now;
  }

  /** A process is started. */
  void begin(WorkerRun next, Instant now) {
    run = Optional.of(next);
    starts++;
    pid = OptionalLong.empty();
    rankPids = List.of();
    plainFork = Optional.empty();
    restartAtNanos = OptionalLong.empty();
    noteRecovery(Optional.empty(), now);
    moveTo(WorkerState.STARTING, now);
  }

  /**
   * A process was lost: goes to BACKOFF with a time to start again, or to FAILED.
   *
   * @param asBefore what went wrong, if it is to be logged in the line about what comes next
   * @return the wait, empty for FAILED
   */
  Optional<Duration> countFailure(
      RestartPolicy policy, Optional<String> asBefore, long nowNanos, Instant now) {
    failures++;
    if (firstFailureNanos.isEmpty()) {
      firstFailureNanos = OptionalLong.of(nowNanos);
      LOGGER.info("Auto recovery start timestamp: {}", now.toEpochMilli());
    } else if (asBefore.isEmpty()) {
      LOGGER.warn("Auto recovery failed again");
    }
    Optional<Duration> delay = policy.delay(failures, firstFailureNanos.getAsLong(), nowNanos);
    if (delay.isEmpty()) {
      asBefore.ifPresent(failure -> LOGGER.warn("Auto recovery failed again. {}", failure));
      moveTo(WorkerState.FAILED, now);
      LOGGER.error(
          "{} is not restarted: {} failures in a row within maxRetryTimeoutInSec {}",
          name,
          failures,
          policy.window().toSeconds());
      noteRecovery(Optional.empty(), now);
      return delay;
    }
    if (!is(WorkerState.BACKOFF)) {
      moveTo(WorkerState.BACKOFF, now);
    }
    long seconds = delay.get().toSeconds();
    if (asBefore.isPresent()) {
      LOGGER.warn(
          "Auto recovery failed again. Retry worker: {} in {} seconds. {}",
          id,
          seconds,
          asBefore.get());
    } else {
      LOGGER.info("Retry worker: {} in {} seconds.", id, seconds);
    }
    restartAtNanos = OptionalLong.of(nowNanos + delay.get().toNanos());
    noteRecovery(delay, now);
    return delay;
  }

  /** When the next process may be replaced for failures in a row. */
  long replaceableNanos(long nowNanos) {
    if (replacedNanos.isPresent()
        && nowNanos - replacedNanos.getAsLong() >= ReplacementPolicy.FORGOTTEN_AFTER.toNanos()) {
      replacements = 0;
    }
    return nowNanos + ReplacementPolicy.pause(replacements).toNanos();
  }

  /**
   * A process has gone that was replaced: goes on in BACKOFF with a time to start again. It is no
   * failure to come up, and does not count as one.
   *
   * @return the wait
   */
  Duration countReplacement(Replacement how, boolean useful, long nowNanos, Instant now) {
    if (how == Replacement.FAILING) {
      replacements++;
      replacedNanos = OptionalLong.of(nowNanos);
    }
    boolean wasUseless = how == Replacement.UNUSABLE && !useful;
    useless = wasUseless ? useless + 1 : 0;
    Duration delay = ReplacementPolicy.delay(useless);
    LOGGER.info("Retry worker: {} in {} seconds.", id, delay.toSeconds());
    restartAtNanos = OptionalLong.of(nowNanos + delay.toNanos());
    recovery =
        Optional.of(
            new Recovery(
                Math.max(1, useless),
                recovery.map(Recovery::since).orElse(now),
                Optional.of(now.plus(delay))));
    return delay;
  }

  /** What went wrong before counts no more. */
  void forgive() {
    failures = 0;
    firstFailureNanos = OptionalLong.empty();
    recovery = Optional.empty();
  }

  private void noteRecovery(Optional<Duration> delay, Instant now) {
    if (failures > 0) {
      Instant since = recovery.map(Recovery::since).orElse(now);
      recovery = Optional.of(new Recovery(failures, since, delay.map(now::plus)));
    }
  }

  /** What others may see of it, as it is now. */
  SlotState state() {
    return new SlotState(
        this,
        state.orElse(WorkerState.STARTING),
        stateSince,
        run.isPresent() ? new WorkerView.Processes(pid, rankPids) : WorkerView.Processes.NONE,
        new WorkerView.History(
            Math.max(0, starts - 1), firstFailureNanos, recovery, lastExit, plainFork),
        run.flatMap(WorkerRun::registration));
  }

  /**
   * A copy of the supervisor's fields; what may be read at any time is read when it is asked for.
   */
  record SlotState(
      WorkerSlot slot,
      WorkerState state,
      Instant stateSince,
      WorkerView.Processes processes,
      WorkerView.History history,
      Optional<WorkerRegistration> registration) {

    WorkerView view() {
      return new WorkerView(
          new WorkerView.Identity(slot.id, slot.gpuId, slot.startTime),
          state,
          stateSince,
          processes,
          new WorkerLoad(
              registration.map(WorkerRegistration::inFlight).orElse(0),
              registration.map(WorkerRegistration::window).orElse(1)),
          history,
          slot.lastError);
    }
  }
}
