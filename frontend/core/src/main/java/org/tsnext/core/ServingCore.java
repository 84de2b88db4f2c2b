package org.tsnext.core;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.RoutedInference;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.model.LoadMemory;
import org.tsnext.core.model.ModelChangeListener;
import org.tsnext.core.model.ModelLifecycle;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.Readiness;
import org.tsnext.core.model.RegisteredModel;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.SupervisorContext;
import org.tsnext.core.worker.WorkerIds;
import org.tsnext.core.worker.WorkerStarter;
import org.tsnext.core.worker.WorkerUsage;

/**
 * The core, put together: the two doors, and the way down. Collaborators stay the caller's to
 * close, after this.
 */
public final class ServingCore implements AutoCloseable {

  private static final Logger LOGGER = LoggerFactory.getLogger(ServingCore.class);

  /** Where models come from, what prepares their Python packages, and whether there is room. */
  public record ModelFiles(ModelSource source, ModelEnvironment environment, LoadMemory memory) {

    public ModelFiles {
      Objects.requireNonNull(source, "source");
      Objects.requireNonNull(environment, "environment");
      Objects.requireNonNull(memory, "memory");
    }

    /** With room for any model. */
    public ModelFiles(ModelSource source, ModelEnvironment environment) {
      this(source, environment, LoadMemory.unchecked());
    }
  }

  /** What starts the processes of workers, and what measures them. */
  public record WorkerProcesses(WorkerStarter starter, WorkerUsage usage) {

    public WorkerProcesses {
      Objects.requireNonNull(starter, "launcher");
      Objects.requireNonNull(usage, "usage");
    }
  }

  /**
   * Time, and the threads.
   *
   * @param scheduler its tasks do not block
   * @param executor for what may block for minutes, such as unpacking or installing packages; a
   *     pool that grows as needed. Supervision runs there, too, in short steps
   */
  public record Execution(Clock clock, Scheduler scheduler, Executor executor) {

    public Execution {
      Objects.requireNonNull(clock, "clock");
      Objects.requireNonNull(scheduler, "scheduler");
      Objects.requireNonNull(executor, "executor");
    }
  }

  /** How often a drain looks whether all is done. */
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(10);

  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

  /** For what handlers registered to run when their process ends. */
  private static final Duration CLEAN_UP_GRACE = Duration.ofSeconds(1);

  private final ModelLifecycle models;
  private final InferenceService inference;
  private final Clock clock;
  private final Scheduler scheduler;
  private final AtomicReference<CompletableFuture<Void>> drained = new AtomicReference<>();

  public ServingCore(
      ServingSettings settings,
      ModelFiles files,
      WorkerProcesses workers,
      Execution execution,
      ServerMetrics metrics,
      ModelChangeListener changes) {
    SupervisorContext supervisorContext =
        new SupervisorContext(
            workers.starter(),
            metrics,
            execution.clock(),
            execution.scheduler(),
            execution.executor(),
            new WorkerIds(settings.initialWorkerPort()));
    this.models =
        new ModelLifecycle(
            files.source(),
            files.environment(),
            files.memory(),
            settings,
            supervisorContext,
            changes,
            workers.usage());
    this.inference = new RoutedInference(models.router());
    this.clock = execution.clock();
    this.scheduler = execution.scheduler();
  }

  /** The door for inference. */
  public InferenceService inference() {
    return inference;
  }

  /** The door for management. */
  public ModelService models() {
    return models;
  }

  /** Whether requests should be sent here, which also depends on how far start and drain are. */
  public Readiness readiness() {
    return models.serverReadiness();
  }

  /** The state of management: what it takes to register every model again. */
  public List<RegisteredModel> registered() {
    return models.registered();
  }

  /** Processes of the workers of all models. */
  public List<Long> workerPids() {
    return models.workerPids();
  }

  /**
   * Goes down in order: new requests get {@code SHUTTING_DOWN}, those that wait or run may end
   * within {@code limit}, the rest is answered once, and every worker is stopped. Later calls get
   * the first call's future.
   *
   * @return completes when no worker process is left, never exceptionally
   */
  public CompletableFuture<Void> drain(Duration limit) {
    CompletableFuture<Void> mine = new CompletableFuture<>();
    if (!drained.compareAndSet(null, mine)) {
      return drained.get();
    }
    models.refuse();
    stopWhenIdle(clock.nanoTime() + limit.toNanos(), mine);
    return mine;
  }

  /**
   * Ends what {@link #drain} has left, or everything, with no time given. Returns once the workers
   * are gone, or after 10 s.
   */
  @Override
  public void close() {
    models.refuse();
    CompletableFuture<Void> stopped = models.stop(Duration.ZERO);
    try {
      stopped.get(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      LOGGER.warn("Workers are left behind after {} s", CLOSE_LIMIT.toSeconds());
    }
  }

  private void stopWhenIdle(long deadlineNanos, CompletableFuture<Void> result) {
    boolean idle = models.isIdle();
    if (idle || deadlineNanos - clock.nanoTime() <= 0) {
      CompletableFuture<Boolean> unused =
          models
              .stop(idle ? CLEAN_UP_GRACE : Duration.ZERO)
              .handle((none, failure) -> result.complete(null));
    } else {
      scheduler.schedule(LOOK_INTERVAL, () -> stopWhenIdle(deadlineNanos, result));
    }
  }
}
