package org.tsnext.core.model;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.ModelRouter;
import org.tsnext.core.model.ScaleResult.Outcome;
import org.tsnext.core.model.VersionFactory.Candidate;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.ScaleProgress;
import org.tsnext.core.worker.SupervisorTools;
import org.tsnext.core.worker.WorkerUsage;

/**
 * The door for management: registers, scales and unregisters model versions, and tells about them.
 * What blocks runs on the executor; waiting for workers blocks no thread.
 */
public final class ModelLifecycle implements ModelService {

  private static final Logger LOGGER = LoggerFactory.getLogger(ModelLifecycle.class);

  /** Beyond the drain time, for processes to end after they were killed. */
  private static final Duration KILL_GRACE = Duration.ofSeconds(10);

  private final ModelRegistry registry = new ModelRegistry();
  private final Preparations preparations;
  private final VersionFactory factory;
  private final ServingSettings settings;
  private final ModelChangeListener changes;
  private final WorkerUsage usage;
  private final Clock clock;
  private final Scheduler scheduler;
  private final Executor executor;

  /** Versions on their way out, so that asking twice gives one answer. */
  private final Map<ModelVersion, CompletableFuture<Void>> leaving = new ConcurrentHashMap<>();

  public ModelLifecycle(
      ModelSource source,
      ModelEnvironment environment,
      ServingSettings settings,
      SupervisorTools tools,
      ModelChangeListener changes,
      WorkerUsage usage) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.changes = Objects.requireNonNull(changes, "changes");
    this.usage = Objects.requireNonNull(usage, "usage");
    this.preparations = new Preparations(tools.clock());
    this.factory = new VersionFactory(source, environment, registry, preparations, settings, tools);
    this.clock = tools.clock();
    this.scheduler = tools.scheduler();
    this.executor = tools.executor();
  }

  /** Finds the dispatchers of models, for the door of inference. */
  public ModelRouter router() {
    return registry;
  }

  @Override
  public CompletableFuture<ScaleResult> register(RegisterModel order) {
    return answer(
        () ->
            CompletableFuture.supplyAsync(() -> open(order), executor)
                .thenCompose(this::makeRoom)
                .thenApplyAsync(this::create, executor)
                .thenCompose(version -> startWorkers(version, order.synchronous()))
                .thenApply(this::announced));
  }

  @Override
  public CompletableFuture<ScaleResult> scale(
      String modelName, Optional<String> version, ScaleModel order) {
    return answer(
        () -> {
          registry.requireOpen();
          ModelVersion found = registry.findStaying(modelName, version);
          order.requireNumbers();
          ScaleProgress progress =
              found.scale(order.minWorkers(), order.maxWorkers(), order.timeout());
          int min = found.withinDevices(order.minWorkers());
          // Not before the counts are set: the listener reads them.
          whenDone(progress.accepted(), (none, failure) -> changed());
          return order.synchronous()
              ? progress.done().thenApply(loaded -> result(found, min, loaded))
              : progress.accepted().thenApply(none -> result(Outcome.ACCEPTED, found, min));
        });
  }

  @Override
  public CompletableFuture<Void> unregister(String modelName, Optional<String> version) {
    return answer(
        () -> {
          Optional<Preparation> prepared = preparation(modelName, version);
          Duration limit = settings.timeouts().unregister();
          if (prepared.isPresent()) {
            boolean running = prepared.get().cancel();
            preparations.drop(prepared.get());
            return running
                ? within(limit.plus(KILL_GRACE), modelName, prepared.get().ended())
                : CompletableFuture.completedFuture(null);
          }
          ModelVersion found = registry.find(modelName, version);
          registry.leaveIfAllowed(found);
          found.dispatcher().unregister();
          return within(limit.plus(KILL_GRACE), modelName, retire(found, limit));
        });
  }

  @Override
  public void setDefault(String modelName, String version) {
    registry.setDefault(modelName, version);
    changed();
  }

  @Override
  public ModelDescription describe(String modelName, Optional<String> version) {
    Optional<Preparation> prepared = preparation(modelName, version);
    if (prepared.isPresent()) {
      return prepared.get().describe();
    }
    ModelVersion found = registry.find(modelName, version);
    return found.describe(registry.isDefault(found), usage);
  }

  @Override
  public List<ModelDescription> describeAll(String modelName) {
    List<ModelDescription> prepared =
        preparations.all(modelName).stream().map(Preparation::describe).toList();
    if (!prepared.isEmpty() && !registry.has(modelName)) {
      return prepared;
    }
    return Stream.concat(
            registry.versions(modelName).stream()
                .map(version -> version.describe(registry.isDefault(version), usage)),
            prepared.stream())
        .toList();
  }

  @Override
  public List<ModelEntry> list() {
    return registry.defaults().stream()
        .map(version -> new ModelEntry(version.name(), version.spec().model().url()))
        .toList();
  }

  @Override
  public HealthReport health() {
    long now = clock.nanoTime();
    return new HealthReport(
        registry.defaults().stream()
            .filter(version -> !version.isLeaving())
            .flatMap(version -> version.shortage(now).stream())
            .toList());
  }

  @Override
  public boolean isReady(String modelName, Optional<String> version) {
    return registry.find(modelName, version).readyWorkers() > 0;
  }

  @Override
  public boolean allReady() {
    return !registry.isClosed()
        && registry.defaults().stream()
            .filter(version -> !version.isLeaving())
            .allMatch(ModelVersion::hasItsWorkers);
  }

  /** Every version that stays, in the order of registration within a name, names sorted. */
  public List<RegisteredModel> registered() {
    return registry.all().stream()
        .sorted(Comparator.comparing(ModelVersion::name))
        .filter(version -> !version.isLeaving())
        .map(version -> version.registered(registry.isDefault(version)))
        .toList();
  }

  /** Processes of the workers of all models, those that are leaving included. */
  public List<Long> workerPids() {
    return registry.all().stream()
        .flatMap(version -> version.supervisor().roster().workers().stream())
        .flatMapToLong(worker -> worker.pid().stream())
        .boxed()
        .toList();
  }

  /** New requests and orders are refused from now on. */
  public void refuse() {
    registry.close();
  }

  /** Whether no request waits or runs anywhere. */
  public boolean isIdle() {
    return registry.all().stream().allMatch(version -> version.dispatcher().isIdle());
  }

  /**
   * Answers what waits or runs with {@code SHUTTING_DOWN} and ends all workers.
   *
   * @param grace for workers to clean up before they are killed. Asked again, it speeds up
   * @return completes when every worker is gone and every file removed, never exceptionally
   */
  public CompletableFuture<Void> stop(Duration grace) {
    List<ModelVersion> versions = registry.all();
    versions.forEach(version -> version.dispatcher().shutDown());
    return CompletableFuture.allOf(
            Stream.concat(
                    preparations.cancelAll().stream(),
                    versions.stream().map(version -> retire(version, grace)))
                .toArray(CompletableFuture<?>[]::new))
        .exceptionally(
            failure -> {
              LOGGER.error("A model could not be removed", failure);
              return null;
            });
  }

  /** One that is being prepared or could not be, unless a registered one is meant. */
  private Optional<Preparation> preparation(String modelName, Optional<String> version) {
    boolean registered =
        version.isPresent()
            ? registry.lookUp(modelName, version.get()).isPresent()
            : registry.has(modelName);
    return registered ? Optional.empty() : preparations.find(modelName, version);
  }

  /** Tells of a change, unless it is a part of going down. */
  private void changed() {
    if (!registry.isClosed()) {
      changes.modelsChanged();
    }
  }

  private ScaleResult announced(ScaleResult registered) {
    changed();
    return registered;
  }

  private Candidate open(RegisterModel order) {
    registry.requireOpen();
    return factory.open(order);
  }

  /** A version whose workers are all given up makes way for a new registration of the same. */
  private CompletableFuture<Candidate> makeRoom(Candidate candidate) {
    VersionSpec spec = candidate.spec();
    Optional<ModelVersion> old =
        registry.lookUp(spec.name(), spec.version()).filter(ModelVersion::isGivenUp);
    if (old.isEmpty()) {
      return CompletableFuture.completedFuture(candidate);
    }
    // Meanwhile another version may serve; the traffic comes back to the one it was meant for.
    Candidate next = registry.isDefault(old.get()) ? candidate.forDefault() : candidate;
    registry.leave(old.get());
    return retire(old.get(), Duration.ZERO).thenApply(none -> next);
  }

  private ModelVersion create(Candidate candidate) {
    ModelVersion version = factory.create(candidate);
    LOGGER.debug("Adding new version {} for model {}", version.version(), version.name());
    try {
      registry.publish(version, candidate.asDefault());
    } catch (ServingException e) {
      registry.unreserve(version.name(), version.version());
      factory.discard(version);
      throw e;
    }
    LOGGER.info("Model {} loaded.", version.name());
    return version;
  }

  private CompletableFuture<ScaleResult> startWorkers(ModelVersion version, boolean synchronous) {
    int min = version.spec().settings().workers().min();
    ScaleProgress progress = version.start();
    if (min == 0) {
      return progress
          .accepted()
          .thenApply(none -> result(Outcome.REGISTERED_WITHOUT_WORKERS, version, min));
    }
    if (!synchronous) {
      return progress.accepted().thenApply(none -> result(Outcome.ACCEPTED, version, min));
    }
    return progress
        .done()
        .thenApply(loaded -> result(version, min, loaded))
        .exceptionallyCompose(failure -> undo(version, failure));
  }

  /** A synchronous registration failed: nothing of it stays. */
  private CompletableFuture<ScaleResult> undo(ModelVersion version, Throwable failure) {
    registry.leave(version);
    version.dispatcher().unregister();
    return retire(version, Duration.ZERO)
        .handle(
            (none, ignored) -> {
              throw servingException(failure);
            });
  }

  /** Ends the workers, then removes the files and the version. Asked again, it speeds up. */
  private CompletableFuture<Void> retire(ModelVersion version, Duration drainTimeout) {
    CompletableFuture<Void> gone = new CompletableFuture<>();
    CompletableFuture<Void> before = leaving.putIfAbsent(version, gone);
    CompletableFuture<Void> stopped = version.supervisor().stop(drainTimeout);
    if (before != null) {
      return before;
    }
    whenDone(
        stopped.thenRunAsync(() -> factory.discard(version), executor),
        (none, failure) -> {
          registry.remove(version);
          leaving.remove(version);
          changed();
          settle(gone, null, failure);
        });
    return gone;
  }

  private CompletableFuture<Void> within(
      Duration limit, String modelName, CompletableFuture<Void> work) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    Scheduler.Scheduled timer =
        scheduler.schedule(
            limit,
            () ->
                result.completeExceptionally(
                    new ServingException(
                        ErrorKind.UNREGISTER_TIMEOUT,
                        "Timed out while cleaning resources: " + modelName)));
    whenDone(
        work,
        (none, failure) -> {
          timer.cancel();
          settle(result, null, failure);
        });
    return result;
  }

  private static ScaleResult result(ModelVersion version, int asked, int loaded) {
    return result(loaded >= asked ? Outcome.DONE : Outcome.PARTIAL, version, asked);
  }

  private static ScaleResult result(Outcome outcome, ModelVersion version, int asked) {
    return new ScaleResult(outcome, version.name(), version.version(), asked);
  }

  /** Runs {@code work}; what it throws, now or later, fails the result as a serving exception. */
  private static <T> CompletableFuture<T> answer(Supplier<CompletableFuture<T>> work) {
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      whenDone(work.get(), (value, failure) -> settle(result, value, failure));
    } catch (Throwable e) {
      settle(result, null, e);
    }
    return result;
  }

  @SuppressWarnings("FutureReturnValueIgnored") // The action is the end; it does not throw.
  private static <T> void whenDone(
      CompletableFuture<T> work, BiConsumer<? super T, ? super Throwable> action) {
    work.whenComplete(action);
  }

  private static <T> void settle(CompletableFuture<T> result, T value, Throwable failure) {
    if (failure == null) {
      result.complete(value);
    } else {
      result.completeExceptionally(servingException(failure));
    }
  }

  private static ServingException servingException(Throwable failure) {
    return ServingException.of(
        failure,
        cause -> {
          LOGGER.error("Model management failed", cause);
          return new ServingException(ErrorKind.INTERNAL, "Internal error: " + cause, cause);
        });
  }
}
