package org.tsnext.core.model;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.tsnext.archive.ModelArchive;
import org.tsnext.core.inference.VersionDispatcher;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.model.HealthReport.ShortModel;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.settings.WorkerRange;
import org.tsnext.core.worker.FleetView;
import org.tsnext.core.worker.ModelEnvironment.Prepared;
import org.tsnext.core.worker.RestartPolicy;
import org.tsnext.core.worker.ScaleProgress;
import org.tsnext.core.worker.Supervisor;
import org.tsnext.core.worker.WorkerState;
import org.tsnext.core.worker.WorkerUsage;
import org.tsnext.core.worker.WorkerView;

/** A registered version: its settings, its files, who brings it work and who keeps its workers. */
final class ModelVersion {

  private final VersionSpec spec;
  private final ModelArchive archive;
  private final Prepared environment;
  private final VersionDispatcher dispatcher;
  private final Supervisor supervisor;
  private final VersionMetrics metrics;
  private final Instant registeredAt;

  private volatile boolean leaving;

  /** Whether a request changed minWorkers or maxWorkers after the registration. */
  private volatile boolean scaled;

  ModelVersion(
      VersionSpec spec,
      ModelArchive archive,
      Prepared environment,
      VersionDispatcher dispatcher,
      Supervisor supervisor,
      VersionMetrics metrics,
      Instant registeredAt) {
    this.spec = Objects.requireNonNull(spec, "spec");
    this.archive = Objects.requireNonNull(archive, "archive");
    this.environment = Objects.requireNonNull(environment, "environment");
    this.dispatcher = Objects.requireNonNull(dispatcher, "dispatcher");
    this.supervisor = Objects.requireNonNull(supervisor, "supervisor");
    this.metrics = Objects.requireNonNull(metrics, "metrics");
    this.registeredAt = Objects.requireNonNull(registeredAt, "registeredAt");
  }

  VersionSpec spec() {
    return spec;
  }

  String name() {
    return spec.name();
  }

  String version() {
    return spec.version();
  }

  ModelArchive archive() {
    return archive;
  }

  Prepared environment() {
    return environment;
  }

  VersionDispatcher dispatcher() {
    return dispatcher;
  }

  Supervisor supervisor() {
    return supervisor;
  }

  VersionMetrics metrics() {
    return metrics;
  }

  Instant registeredAt() {
    return registeredAt;
  }

  /** Starts the workers of the registration. */
  ScaleProgress start() {
    WorkerRange workers = spec.settings().workers();
    return supervisor.scale(workers.min(), workers.max(), Optional.empty());
  }

  ScaleProgress scale(int min, int max, Optional<Duration> drainTimeout) {
    scaled = true;
    return supervisor.scale(withinDevices(min), withinDevices(max), drainTimeout);
  }

  /** As many workers as wanted, or as there are devices for. */
  int withinDevices(int workers) {
    return spec.settings().devices().within(workers);
  }

  /** It is on its way out, and cannot be changed any more. */
  void leave() {
    leaving = true;
  }

  boolean isLeaving() {
    return leaving;
  }

  /** Whether it has workers, and all of them are given up. */
  boolean isGivenUp() {
    List<WorkerView> workers = supervisor.fleetView().workers();
    return !workers.isEmpty()
        && workers.stream().allMatch(worker -> worker.state() == WorkerState.FAILED);
  }

  /** Workers that have the model loaded. */
  int readyWorkers() {
    return readyWorkers(supervisor.fleetView());
  }

  /** Whether as many workers as there should be have the model loaded. */
  boolean hasItsWorkers() {
    FleetView fleetView = supervisor.fleetView();
    return readyWorkers(fleetView) >= fleetView.min();
  }

  private static int readyWorkers(FleetView fleetView) {
    return (int)
        fleetView.workers().stream().filter(worker -> worker.state() == WorkerState.READY).count();
  }

  /** That it has too few workers with the model loaded, and why. */
  ShortModel asShort() {
    FleetView now = supervisor.fleetView();
    Diagnosis diagnosis = Diagnosis.of(now, leaving);
    return new ShortModel(
        name(), version(), diagnosis.readyWorkers(), now.min(), diagnosis.reason());
  }

  /** Empty if it has as many healthy workers as it should. */
  Optional<ShortModel> shortage(long nowNanos) {
    FleetView fleetView = supervisor.fleetView();
    int min = fleetView.min();
    int healthy =
        (int) fleetView.workers().stream().filter(worker -> isHealthy(worker, nowNanos)).count();
    if (healthy >= min) {
      return Optional.empty();
    }
    String reason = Diagnosis.causeOf(fleetView.workers()).orElse("workers are missing");
    return Optional.of(new ShortModel(name(), version(), healthy, min, reason));
  }

  ModelDescription describe(boolean isDefault, WorkerUsage usage) {
    FleetView now = supervisor.fleetView();
    VersionSettings settings = settings(now);
    return spec.describe(
        isDefault,
        settings.batching(settings.batching().withMaxDelay(dispatcher.batchDelay())),
        new ModelDescription.Condition(
            now.workers().stream().map(worker -> describe(worker, usage)).toList(),
            dispatcher.queueLength(),
            Diagnosis.of(now, leaving),
            supervisor.failures().last(),
            supervisor.failures().lastLoad()));
  }

  /** With the number of workers that holds now. */
  private VersionSettings settings(FleetView now) {
    return spec.settings().scaledTo(new WorkerRange(now.min(), now.max()), sources());
  }

  private Map<String, String> sources() {
    Map<String, String> sources = new LinkedHashMap<>(spec.settings().sources());
    if (scaled) {
      sources.put("minWorkers", Choice.SCALE);
      sources.put("maxWorkers", Choice.SCALE);
    }
    return sources;
  }

  RegisteredModel registered(boolean isDefault) {
    return new RegisteredModel(
        spec.model().id(),
        isDefault,
        spec.registration(),
        spec.model().runtime(),
        scaled,
        settings(supervisor.fleetView()));
  }

  /** Up, or without its model for less than the recovery window since its first failure. */
  private boolean isHealthy(WorkerView worker, long nowNanos) {
    return switch (worker.state()) {
      case READY -> true;
      case DRAINING, STOPPED, FAILED -> false;
      // An attempt that is under way does not close the question of whether it will succeed.
      case STARTING, LOADING, BACKOFF ->
          worker.history().firstFailureNanos().isEmpty()
              || new RestartPolicy(spec.settings().timeouts().maxRetry())
                  .isOpen(worker.history().firstFailureNanos().getAsLong(), nowNanos);
    };
  }

  private static ModelDescription.Worker describe(WorkerView worker, WorkerUsage usage) {
    WorkerView.Identity identity = worker.identity();
    WorkerView.History history = worker.history();
    WorkerView.Processes processes = worker.processes();
    return new ModelDescription.Worker(
        Integer.toString(identity.id()),
        identity.startTime(),
        worker.state(),
        worker.stateSince(),
        new ModelDescription.ProcessUsage(
            processes,
            processes.all().stream().mapToLong(usage::memoryBytes).sum(),
            identity.gpuId().isPresent(),
            gpuUsage(worker, usage)),
        worker.load(),
        new ModelDescription.History(
            history.restarts(),
            history.recovery().filter(recovery -> worker.state() != WorkerState.READY),
            history.lastExit(),
            worker.lastError(),
            history.plainFork()));
  }

  private static Optional<String> gpuUsage(WorkerView worker, WorkerUsage usage) {
    OptionalInt gpu = worker.identity().gpuId();
    WorkerView.Processes processes = worker.processes();
    // Of several processes the first rank has the first of its worker's GPUs.
    OptionalLong first =
        processes.ranks().isEmpty() ? processes.pid() : OptionalLong.of(processes.ranks().get(0));
    return gpu.isPresent() && first.isPresent()
        ? usage.gpu(first.getAsLong(), gpu.getAsInt())
        : Optional.empty();
  }
}
