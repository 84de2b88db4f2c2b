package org.tsnext.core.model;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelNames;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.VersionDispatcher;
import org.tsnext.core.metrics.ServerMetric;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.scheduling.SequencePolicy;
import org.tsnext.core.settings.Devices;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.worker.GpuRotation;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.ModelEnvironment.Prepared;
import org.tsnext.core.worker.RestartPolicy;
import org.tsnext.core.worker.ScaleProgress;
import org.tsnext.core.worker.Supervisor;
import org.tsnext.core.worker.SupervisorContext;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerPlan;

/**
 * Makes a model version of an order to register it: opens the archive, settles what holds, prepares
 * the Python packages, and puts dispatcher and supervisor together. Blocks; leaves nothing behind
 * when it fails.
 */
final class VersionFactory {

  private static final Logger LOGGER = LoggerFactory.getLogger(VersionFactory.class);

  private final ModelSource source;
  private final ModelEnvironment environment;
  private final LoadMemory memory;
  private final ModelRegistry registry;
  private final Preparations preparations;
  private final ServingSettings server;
  private final SettingsResolver resolver;
  private final SupervisorContext supervisorContext;
  private final GpuRotation sharedGpus;

  /** Numbers of versions, by which the processes are known of which their workers are forks. */
  private final AtomicInteger lastVersionId = new AtomicInteger();

  VersionFactory(
      ModelSource source,
      ModelEnvironment environment,
      LoadMemory memory,
      ModelRegistry registry,
      Preparations preparations,
      ServingSettings server,
      SupervisorContext supervisorContext) {
    this.source = Objects.requireNonNull(source, "source");
    this.environment = Objects.requireNonNull(environment, "environment");
    this.memory = Objects.requireNonNull(memory, "memory");
    this.registry = Objects.requireNonNull(registry, "registry");
    this.preparations = Objects.requireNonNull(preparations, "preparations");
    this.server = Objects.requireNonNull(server, "server");
    this.supervisorContext = Objects.requireNonNull(supervisorContext, "tools");
    this.resolver = new SettingsResolver(server, registry::has);
    this.sharedGpus = GpuRotation.all(server.machine().gpuCount());
  }

  /** A model that has been opened, and what will hold for it. */
  record Candidate(ModelArchive archive, VersionSpec spec, boolean asDefault) {

    /** The same, to be the default version whatever others there are. */
    Candidate forDefault() {
      return new Candidate(archive, spec, true);
    }
  }

  /** Opens the model and settles what holds. */
  Candidate open(RegisterModel registration) {
    registry.requireOpen();
    ModelArchive archive = openArchive(registration);
    try {
      VersionSpec spec = resolver.resolve(registration, archive);
      RankRemarks.of(spec.settings(), server.machine().cpuCount())
          .ifPresent(remark -> LOGGER.warn("Model {}: {}", spec.name(), remark));
      return new Candidate(archive, spec, false);
    } catch (Throwable e) {
      source.release(archive);
      throw e;
    }
  }

  /** Makes a version that is reserved in the registry, and not yet published. */
  ModelVersion create(Candidate candidate) {
    VersionSpec spec = candidate.spec();
    boolean reserved = false;
    Preparation preparation = new Preparation(spec);
    try {
      registry.reserve(spec);
      reserved = true;
      memory.claim(spec, candidate.archive().directory());
      Prepared prepared =
          preparation.run(
              progress -> environment.prepare(spec.name(), candidate.archive(), progress),
              () -> preparations.show(preparation));
      return finish(candidate, prepared, preparation);
    } catch (Throwable e) {
      if (reserved) {
        memory.loaded(spec.model().id());
        registry.unreserve(spec.name(), spec.version());
      }
      source.release(candidate.archive());
      preparations.failed(preparation, e);
      throw e;
    }
  }

  private ModelVersion finish(Candidate candidate, Prepared prepared, Preparation preparation) {
    try {
      preparation.finish();
      ModelVersion version = assemble(candidate.spec(), candidate.archive(), prepared);
      preparations.succeeded(preparation);
      return version;
    } catch (Throwable e) {
      environment.release(prepared);
      throw e;
    }
  }

  /**
   * What is kept of a model that could not be registered at the start.
   *
   * @param version empty if it is not known
   */
  FailedStart failedStart(
      RegisterModel registration, Optional<String> version, ServingException why) {
    String url = ModelLocation.publicText(registration.source().url());
    String name = registration.modelName().orElseGet(() -> ModelNames.fromUrl(url));
    VersionId id = new VersionId(name, version.orElse(FailedStart.UNKNOWN_VERSION));
    WorkerError error =
        new WorkerError(
            supervisorContext.clock().now(),
            "",
            String.valueOf(why.getMessage()),
            why.detail().orElse(""),
            "");
    return new FailedStart(
        version, resolver.withoutArchive(registration, id, url), error, why.kind());
  }

  /** Starts the workers of a version that is published. */
  ScaleProgress start(ModelVersion version) {
    ScaleProgress progress = version.start();
    ServingFutures.whenDone(
        progress.done(), (loaded, failure) -> memory.loaded(version.spec().model().id()));
    return progress;
  }

  /** Removes a version's files and ends its metrics. Blocks. Its workers are gone. */
  void discard(ModelVersion version) {
    version.metrics().close();
    memory.loaded(version.spec().model().id());
    try {
      environment.release(version.environment());
    } finally {
      source.release(version.archive());
    }
  }

  private ModelArchive openArchive(RegisterModel registration) {
    try {
      return source.open(
          ModelLocation.parse(
              registration.source().url(),
              registration.origin().trusted(),
              registration.source().s3SseKms()));
    } catch (ArchiveException e) {
      throw ArchiveErrors.of(e);
    }
  }

  private ModelVersion assemble(VersionSpec spec, ModelArchive archive, Prepared prepared) {
    VersionMetrics metrics = supervisorContext.metrics().ofVersion(spec.name(), spec.version());
    VersionDispatcher dispatcher =
        new VersionDispatcher(
            policyOf(spec),
            supervisorContext.clock(),
            supervisorContext.scheduler(),
            metrics,
            () -> registry.stayingDefault(spec.name()));
    WorkerPlan plan =
        new WorkerPlan(
            WorkerTemplate.of(spec, archive, prepared, lastVersionId.incrementAndGet()),
            gpusOf(spec.settings().devices()),
            new RestartPolicy(spec.settings().timeouts().maxRetry()),
            server.heartbeat().interval(),
            server.heartbeat().timeout(),
            spec.settings().config().workers().maxFailuresInRow(),
            server.timeouts().unregister());
    Supervisor supervisor = new Supervisor(plan, dispatcher, metrics, supervisorContext);
    metrics.live(ServerMetric.QUEUE_LENGTH, dispatcher::queueLength);
    metrics.live(ServerMetric.READY_WORKERS, supervisor::readyWorkers);
    metrics.live(ServerMetric.MIN_WORKERS, supervisor::minWorkers);
    return new ModelVersion(
        spec, archive, prepared, dispatcher, supervisor, metrics, supervisorContext.clock().now());
  }

  private DispatchPolicy policyOf(VersionSpec spec) {
    VersionSettings settings = spec.settings();
    int sideBySide = sideBySide(settings);
    return new DispatchPolicy(
        spec.model().id(),
        sideBySide > 0 ? settings.batching().withSize(1) : settings.batching(),
        settings.queueLimits(),
        settings.timeouts(),
        settings.config().queue().retryOnWorkerDeath(),
        sideBySide,
        sequencesOf(settings.config()));
  }

  /**
   * Coroutines run side by side. With continuous batching the worker itself puts the requests of
   * its next call together, of all that it was given.
   */
  private static int sideBySide(VersionSettings settings) {
    ModelConfig config = settings.config();
    int batchSize = settings.batching().size();
    if (config.batching().coroutineKey().isPresent()) {
      return config.batching().concurrency().orElse(DispatchPolicy.ASYNC);
    }
    if (!config.batching().continuous()) {
      return 0;
    }
    // With sequences, room to tell one that runs to stop, as TorchServe 0.12 has it.
    return config.sequences().batching() ? 2 * batchSize : batchSize;
  }

  private Optional<SequencePolicy> sequencesOf(ModelConfig config) {
    if (!config.sequences().batching()) {
      return Optional.empty();
    }
    return Optional.of(
        new SequencePolicy(
            server.sequenceHeaders().id(),
            server.sequenceHeaders().start(),
            config.sequences().maxIdle(),
            config.sequences().timeout(),
            config.sequences().maxNumber(),
            config.sequences().queueCapacity(),
            config.batching().continuous()
                ? Optional.of(server.sequenceHeaders().end())
                : Optional.empty()));
  }

  private GpuRotation gpusOf(Devices devices) {
    if (!devices.gpu()) {
      return GpuRotation.of(List.of());
    }
    if (devices.perWorker() > 0) {
      return GpuRotation.groups(devices.own(), devices.perWorker());
    }
    return devices.own().isEmpty() ? sharedGpus : GpuRotation.of(devices.own());
  }
}
