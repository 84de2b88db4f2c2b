package org.tsnext.core.worker;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.concurrent.SerialQueue;
import org.tsnext.core.metrics.VersionMetrics;

/**
 * Keeps the workers of one model version as they should be. Everything that happens is an event in
 * one queue; after each event the supervisor looks at what is, compares it with what should be, and
 * takes a step. Its fields belong to the events, but for the snapshot.
 */
public final class Supervisor {

  private static final Logger LOGGER = LoggerFactory.getLogger(Supervisor.class);

  private final Duration drainTimeout;
  private final WorkSource work;
  private final SerialQueue events;
  private final ProcessEvents processes;
  private final WorkerFleet fleet;
  private final Waiters waiters;
  private final Heartbeat heartbeat;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private WorkerAvailability reported = WorkerAvailability.NONE;
  private boolean stopping;

  /** Replaced after every event. */
  private volatile WorkersSnapshot snapshot = new WorkersSnapshot(0, 0, List.of());

  /**
   * @param metrics of the version; the caller's to close
   */
  public Supervisor(
      WorkerPlan plan,
      WorkSource work,
      VersionMetrics metrics,
      SupervisorContext supervisorContext) {
    this.drainTimeout = plan.drainTimeout();
    this.work = Objects.requireNonNull(work, "work");
    this.events =
        new SerialQueue(
            supervisorContext.executor(),
            failure -> LOGGER.error("Supervision failed at an event", failure));
    WorkerContext context = new WorkerContext(plan, work, metrics, supervisorContext, this::put);
    WorkerDrain drain =
        new WorkerDrain(
            supervisorContext.scheduler(), supervisorContext.clock()::nanoTime, this::put);
    this.waiters = new Waiters(plan.baseSpec().modelName(), plan.baseSpec().modelVersion());
    this.processes = new ProcessEvents(context, drain, waiters, this::remove);
    this.fleet = new WorkerFleet(context, drain, processes);
    this.heartbeat = new Heartbeat(plan, supervisorContext, this::put, processes::unresponsive);
  }

  /**
   * Fewer than {@code min} workers: the difference is started. More than {@code max}: the surplus
   * goes, last first, after finishing what it runs. Workers that have failed are started again at
   * once.
   *
   * @param limit for leaving workers; negative for no limit, empty for the plan's
   */
  public ScaleProgress scale(int min, int max, Optional<Duration> limit) {
    ScaleProgress progress = new ScaleProgress();
    put(
        () -> {
          if (!stopping) {
            fleet.resize(min, max, limit.orElse(drainTimeout));
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
   * @param limit how long they may finish what they run; negative for no limit
   * @return completes when no process is left
   */
  public CompletableFuture<Void> stop(Duration limit) {
    put(
        () -> {
          stopping = true;
          fleet.releaseAll(limit);
        });
    return stopped;
  }

  /** The workers in order of their creation, and how many there should be. From any thread. */
  public FleetView fleetView() {
    return snapshot.fleetView();
  }

  /** How many workers there should be at least. From any thread. */
  public int minWorkers() {
    return snapshot.min();
  }

  /** Workers that have the model loaded. From any thread. */
  public int readyWorkers() {
    return snapshot.ready();
  }

  /** What went wrong. From any thread. */
  public FailureLog failures() {
    return processes.failures();
  }

  /** The paths of the OpenAI API that the handler serves, once it is loaded. From any thread. */
  public Set<String> openAiRoutes() {
    return processes.openAiRoutes();
  }

  /** From any thread: an event to handle, and then to look around. */
  private void put(Runnable event) {
    events.execute(
        () -> {
          try {
            event.run();
          } finally {
            reconcile();
          }
        });
  }

  private void remove(WorkerSlot slot) {
    fleet.remove(slot);
  }

  /** One look at everything: starts what is due, and tells those who wait. */
  private void reconcile() {
    fleet.startDue();
    reportAvailability(); // before a worker is seen to be ready, so that requests are taken then
    snapshot = fleet.snapshot();
    heartbeat.arm(fleet.slots());
    if (fleet.isSettled()) {
      waiters.succeed(fleet.slots().size());
    }
    if (fleet.isEmpty()) {
      fleet.releaseTemplate();
    }
    if (stopping && fleet.isEmpty()) {
      stopped.complete(null);
    }
  }

  private void reportAvailability() {
    WorkerAvailability now = WorkerAvailability.of(fleet.staying());
    if (!now.equals(reported)) {
      work.availability(now);
      reported = now;
    }
  }
}
