package org.tsnext.core.model;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.ModelRouter;
import org.tsnext.core.model.ScaleResult.Outcome;
import org.tsnext.core.model.VersionFactory.Candidate;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.ScaleProgress;
import org.tsnext.core.worker.SupervisorContext;
import org.tsnext.core.worker.WorkerUsage;

/**
 * The door for management: registers, scales and unregisters model versions, and tells about them.
 * What blocks runs on the executor; waiting for workers blocks no thread.
 */
public final class ModelLifecycle implements ModelService {

  private static final Logger LOGGER = LoggerFactory.getLogger(ModelLifecycle.class);

  private final ModelRegistry registry = new ModelRegistry();
  private final ServedModels served = new ServedCatalog(registry);
  private final Preparations preparations;
  private final VersionFactory factory;
  private final ServingSettings settings;
  private final ModelChangeListener changes;
  private final Executor executor;
  private final ModelCatalog catalog;
  private final FailedStarts failedStarts = new FailedStarts();
  private final Readiness readiness;
  private final VersionRemoval removal;

  public ModelLifecycle(
      ModelSource source,
      ModelEnvironment environment,
      LoadMemory memory,
      ServingSettings settings,
      SupervisorContext supervisorContext,
      ModelChangeListener changes,
      WorkerUsage usage) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.changes = Objects.requireNonNull(changes, "changes");
    this.preparations = new Preparations(supervisorContext.clock());
    this.factory =
        new VersionFactory(
            source, environment, memory, registry, preparations, settings, supervisorContext);
    this.executor = supervisorContext.executor();
    this.catalog =
        new ModelCatalog(registry, preparations, failedStarts, usage, supervisorContext.clock());
    this.readiness = new Readiness(registry, catalog, failedStarts, factory);
    this.removal =
        new VersionRemoval(
            supervisorContext.scheduler(),
            executor,
            factory::discard,
            version -> {
              registry.remove(version);
              changed();
            });
  }

  /** Finds the dispatchers of models, for the door of inference. */
  public ModelRouter router() {
    return failedStarts.explaining(registry);
  }

  /** Whether requests should be sent here; what decides it besides the models is told to it. */
  public Readiness serverReadiness() {
    return readiness;
  }

  @Override
  public CompletableFuture<ScaleResult> register(RegisterModel registration) {
    return ServingFutures.respond(
        () -> {
          registry.requireOpen();
          return CompletableFuture.supplyAsync(() -> factory.open(registration), executor)
              .thenCompose(this::makeRoom)
              .thenApplyAsync(this::create, executor)
              .thenCompose(version -> startWorkers(version, registration.synchronous()))
              .thenApply(result -> announced(registration, result));
        });
  }

  @Override
  public CompletableFuture<ScaleResult> scale(
      String modelName, Optional<String> version, ScaleModel scaling) {
    return ServingFutures.respond(
        () -> {
          registry.requireOpen();
          ModelVersion found = registry.findStaying(modelName, version);
          scaling.requireNumbers();
          ScaleProgress progress =
              found.scale(scaling.minWorkers(), scaling.maxWorkers(), scaling.timeout());
          int min = found.withinDevices(scaling.minWorkers());
          // Not before the counts are set: the listener reads them.
          ServingFutures.whenDone(progress.accepted(), (none, failure) -> changed());
          return scaling.synchronous()
              ? progress
                  .done()
                  .thenApply(loaded -> ScaleResult.of(Outcome.of(loaded, min), found, min))
              : progress.accepted().thenApply(none -> ScaleResult.of(Outcome.ACCEPTED, found, min));
        });
  }

  @Override
  public CompletableFuture<Void> unregister(String modelName, Optional<String> version) {
    return ServingFutures.respond(
        () -> {
          Optional<Preparation> prepared = catalog.preparation(modelName, version);
          Duration limit = settings.timeouts().unregister();
          boolean running = prepared.isPresent() && prepared.get().cancel();
          if (running || prepared.filter(Preparation::hasFailed).isPresent()) {
            preparations.drop(prepared.get());
            failedStarts.forget(modelName, version);
            return running
                ? removal.within(limit, modelName, prepared.get().ended())
                : CompletableFuture.completedFuture(null);
          }
          if (catalog.unregistered(modelName, version).isPresent()) {
            failedStarts.forget(modelName, version);
            return CompletableFuture.completedFuture(null);
          }
          ModelVersion found = registry.find(modelName, version);
          registry.leaveIfAllowed(found);
          found.dispatcher().unregister();
          return removal.within(
              limit, modelName, removal.remove(found, settings.unregisterDrain()));
        });
  }

  @Override
  public void setDefault(String modelName, String version) {
    registry.setDefault(modelName, version);
    changed();
  }

  @Override
  public ModelDescription describe(String modelName, Optional<String> version) {
    return catalog.describe(modelName, version);
  }

  @Override
  public List<ModelDescription> describeAll(String modelName) {
    return catalog.describeAll(modelName);
  }

  @Override
  public List<ModelDescription> describeEvery() {
    return catalog.describeEvery();
  }

  @Override
  public List<ModelEntry> list() {
    return catalog.list();
  }

  @Override
  public ServedModels served() {
    return served;
  }

  @Override
  public HealthReport health() {
    return catalog.health();
  }

  @Override
  public ReadinessReport readiness() {
    return readiness.ofServer();
  }

  @Override
  public ReadinessReport readiness(String modelName, Optional<String> version) {
    return readiness.ofModel(modelName, version);
  }

  /** Every version that stays, in the order of registration within a name, names sorted. */
  public List<RegisteredModel> registered() {
    return catalog.registered();
  }

  /** Processes of the workers of all models, those that are leaving included. */
  public List<Long> workerPids() {
    return catalog.workerPids();
  }

  /** New requests and registrations are refused from now on. */
  public void refuse() {
    readiness.beginDrain();
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
                    versions.stream().map(version -> removal.remove(version, grace)))
                .toArray(CompletableFuture<?>[]::new))
        .exceptionally(
            failure -> {
              LOGGER.error("A model could not be removed", failure);
              return null;
            });
  }

  /** Tells of a change, unless it is a part of going down. */
  private void changed() {
    if (!registry.isClosed()) {
      changes.modelsChanged();
    }
  }

  private ScaleResult announced(RegisterModel registration, ScaleResult registered) {
    if (!registration.origin().trusted()) {
      failedStarts.forget(registered.modelName(), Optional.of(registered.modelVersion()));
    }
    changed();
    return registered;
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
    return removal.remove(old.get(), Duration.ZERO).thenApply(none -> next);
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
    ScaleProgress progress = factory.start(version);
    if (min == 0) {
      return progress
          .accepted()
          .thenApply(none -> ScaleResult.of(Outcome.REGISTERED_WITHOUT_WORKERS, version, min));
    }
    if (!synchronous) {
      return progress.accepted().thenApply(none -> ScaleResult.of(Outcome.ACCEPTED, version, min));
    }
    return progress
        .done()
        .thenApply(loaded -> ScaleResult.of(Outcome.of(loaded, min), version, min))
        .exceptionallyCompose(failure -> undo(version, failure));
  }

  /** A synchronous registration failed: nothing of it stays. */
  private CompletableFuture<ScaleResult> undo(ModelVersion version, Throwable failure) {
    registry.leave(version);
    version.dispatcher().unregister();
    return removal
        .remove(version, Duration.ZERO)
        .handle(
            (none, ignored) -> {
              throw ServingFutures.servingException(failure);
            });
  }
}
