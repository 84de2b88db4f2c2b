package org.tsnext.core.model;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.VersionDispatcher;
import org.tsnext.core.metrics.ServerMetric;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.scheduling.SequencePolicy;
import org.tsnext.core.worker.GpuRotation;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.core.worker.ModelEnvironment.Prepared;
import org.tsnext.core.worker.RestartPolicy;
import org.tsnext.core.worker.Supervisor;
import org.tsnext.core.worker.SupervisorTools;
import org.tsnext.core.worker.WorkerOrder;
import org.tsnext.core.worker.WorkerPlan;

/**
 * Makes a model version of an order to register it: opens the archive, settles what holds, prepares
 * the Python packages, and puts dispatcher and supervisor together. Blocks; leaves nothing behind
 * when it fails.
 */
final class VersionFactory {

  private final ModelSource source;
  private final ModelEnvironment environment;
  private final ModelRegistry registry;
  private final Preparations preparations;
  private final ServingSettings server;
  private final SettingsResolver resolver;
  private final SupervisorTools tools;
  private final GpuRotation sharedGpus;

  /** Numbers of the processes that load a model for all of its workers. */
  private final AtomicInteger lastParent = new AtomicInteger();

  VersionFactory(
      ModelSource source,
      ModelEnvironment environment,
      ModelRegistry registry,
      Preparations preparations,
      ServingSettings server,
      SupervisorTools tools) {
    this.source = Objects.requireNonNull(source, "source");
    this.environment = Objects.requireNonNull(environment, "environment");
    this.registry = Objects.requireNonNull(registry, "registry");
    this.preparations = Objects.requireNonNull(preparations, "preparations");
    this.server = Objects.requireNonNull(server, "server");
    this.tools = Objects.requireNonNull(tools, "tools");
    this.resolver = new SettingsResolver(server);
    this.sharedGpus = GpuRotation.all(server.gpuCount());
  }

  /** A model that has been opened, and what will hold for it. */
  record Candidate(ModelArchive archive, ModelSettings settings, boolean asDefault) {

    /** The same, to be the default version whatever others there are. */
    Candidate forDefault() {
      return new Candidate(archive, settings, true);
    }
  }

  /** Opens the model and settles what holds. */
  Candidate open(RegisterModel order) {
    ModelArchive archive = openArchive(order);
    try {
      return new Candidate(archive, resolver.resolve(order, archive), false);
    } catch (Throwable e) {
      source.release(archive);
      throw e;
    }
  }

  /** Makes a version that is reserved in the registry, and not yet published. */
  ModelVersion create(Candidate candidate) {
    ModelSettings settings = candidate.settings();
    boolean reserved = false;
    Preparation preparation = new Preparation(settings);
    try {
      registry.reserve(settings.name(), settings.version());
      reserved = true;
      Prepared prepared =
          preparation.run(
              progress -> environment.prepare(settings.name(), candidate.archive(), progress),
              () -> preparations.show(preparation));
      ModelVersion version = assemble(settings, candidate.archive(), prepared);
      preparations.succeeded(preparation);
      return version;
    } catch (Throwable e) {
      if (reserved) {
        registry.unreserve(settings.name(), settings.version());
      }
      source.release(candidate.archive());
      preparations.failed(preparation, e);
      throw e;
    }
  }

  /** Removes a version's files and ends its metrics. Blocks. Its workers are gone. */
  void discard(ModelVersion version) {
    version.metrics().close();
    try {
      environment.release(version.environment());
    } finally {
      source.release(version.archive());
    }
  }

  private ModelArchive openArchive(RegisterModel order) {
    try {
      return source.open(ModelLocation.parse(order.url(), order.trusted(), order.s3SseKms()));
    } catch (ArchiveException e) {
      ServingException error = new ServingException(kindOf(e.reason()), e.getMessage(), e);
      throw e.detail().map(error::withDetail).orElse(error);
    }
  }

  private static ErrorKind kindOf(ArchiveException.Reason reason) {
    return switch (reason) {
      case NOT_FOUND -> ErrorKind.MODEL_NOT_FOUND;
      case INVALID -> ErrorKind.INVALID_MODEL;
      case DOWNLOAD_FAILED -> ErrorKind.DOWNLOAD_FAILED;
      case IO -> ErrorKind.INTERNAL;
    };
  }

  private ModelVersion assemble(ModelSettings settings, ModelArchive archive, Prepared prepared) {
    VersionMetrics metrics = tools.metrics().ofVersion(settings.name(), settings.version());
    VersionDispatcher dispatcher =
        new VersionDispatcher(
            policyOf(settings),
            tools.clock(),
            tools.scheduler(),
            metrics,
            () -> registry.stayingDefault(settings.name()));
    WorkerPlan plan =
        new WorkerPlan(
            templateOf(settings, archive, prepared),
            gpusOf(settings),
            new RestartPolicy(settings.maxRetryTimeout()),
            server.heartbeatInterval(),
            server.heartbeatTimeout(),
            settings.config().maxFailuresInRow(),
            server.unregisterTimeout());
    Supervisor supervisor = new Supervisor(plan, dispatcher, metrics, tools);
    metrics.live(ServerMetric.QUEUE_LENGTH, dispatcher::queueLength);
    metrics.live(ServerMetric.READY_WORKERS, supervisor::readyWorkers);
    return new ModelVersion(settings, archive, prepared, dispatcher, supervisor, metrics);
  }

  private DispatchPolicy policyOf(ModelSettings settings) {
    int sideBySide = sideBySide(settings);
    return new DispatchPolicy(
        settings.name(),
        settings.version(),
        sideBySide > 0 ? 1 : settings.batchSize(),
        settings.maxBatchDelay(),
        settings.adaptiveBatchDelay(),
        settings.queueCapacity(),
        settings.responseTimeout(),
        settings.clientTimeout(),
        settings.config().retryOnWorkerDeath(),
        settings.config().useJobTicket(),
        sideBySide,
        sequencesOf(settings));
  }

  /**
   * Coroutines run side by side. With continuous batching the worker itself puts the requests of
   * its next call together, of all that it was given.
   */
  private static int sideBySide(ModelSettings settings) {
    if (settings.config().asyncCommunication()) {
      return DispatchPolicy.ASYNC;
    }
    if (!settings.config().continuousBatching()) {
      return 0;
    }
    // With sequences, room to tell one that runs to stop, as TorchServe 0.12 has it.
    return settings.config().sequenceBatching() ? 2 * settings.batchSize() : settings.batchSize();
  }

  private Optional<SequencePolicy> sequencesOf(ModelSettings settings) {
    ModelConfig config = settings.config();
    if (!config.sequenceBatching()) {
      return Optional.empty();
    }
    return Optional.of(
        new SequencePolicy(
            server.sequenceHeaders().id(),
            server.sequenceHeaders().start(),
            config.sequenceMaxIdle(),
            config.sequenceTimeout(),
            config.maxNumSequence(),
            config.maxSequenceJobQueueSize(),
            config.continuousBatching()
                ? Optional.of(server.sequenceHeaders().end())
                : Optional.empty()));
  }

  private WorkerOrder templateOf(ModelSettings settings, ModelArchive archive, Prepared prepared) {
    return new WorkerOrder(
        0,
        settings.name(),
        settings.version(),
        archive.directory(),
        settings.handler(),
        settings.batchSize(),
        OptionalInt.empty(),
        List.of(),
        settings.envelope(),
        Map.of(),
        prepared.pythonPath(),
        prepared.interpreter(),
        prepared.needsSpawn() ? WorkerStart.SPAWN : settings.config().workerStart(),
        OptionalInt.empty(),
        settings.startupTimeout(),
        settings.config().preloadModel()
            ? OptionalInt.of(lastParent.incrementAndGet())
            : OptionalInt.empty(),
        settings.config().asyncCommunication());
  }

  private GpuRotation gpusOf(ModelSettings settings) {
    if (!settings.gpu()) {
      return GpuRotation.of(List.of());
    }
    if (settings.devicesPerWorker() > 0) {
      return GpuRotation.groups(settings.ownDevices(), settings.devicesPerWorker());
    }
    return settings.ownDevices().isEmpty() ? sharedGpus : GpuRotation.of(settings.ownDevices());
  }
}
