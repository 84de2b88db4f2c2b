package org.tsnext.core.model;

import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.tsnext.core.time.Clock;
import org.tsnext.core.worker.WorkerUsage;

/** What can be told of the model versions that are registered or being prepared. Thread-safe. */
final class ModelCatalog {

  private final ModelRegistry registry;
  private final Preparations preparations;
  private final WorkerUsage usage;
  private final Clock clock;

  ModelCatalog(ModelRegistry registry, Preparations preparations, WorkerUsage usage, Clock clock) {
    this.registry = Objects.requireNonNull(registry, "registry");
    this.preparations = Objects.requireNonNull(preparations, "preparations");
    this.usage = Objects.requireNonNull(usage, "usage");
    this.clock = Objects.requireNonNull(clock, "clock");
  }

  /** One that is being prepared or could not be, unless a registered one is meant. */
  Optional<Preparation> preparation(String modelName, Optional<String> version) {
    boolean registered =
        version.isPresent()
            ? registry.lookUp(modelName, version.get()).isPresent()
            : registry.has(modelName);
    return registered ? Optional.empty() : preparations.find(modelName, version);
  }

  ModelDescription describe(String modelName, Optional<String> version) {
    Optional<Preparation> prepared = preparation(modelName, version);
    if (prepared.isPresent()) {
      return prepared.get().describe();
    }
    ModelVersion found = registry.find(modelName, version);
    return found.describe(registry.isDefault(found), usage);
  }

  List<ModelDescription> describeAll(String modelName) {
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

  List<ModelService.ModelEntry> list() {
    return registry.defaults().stream()
        .map(version -> new ModelService.ModelEntry(version.name(), version.spec().model().url()))
        .toList();
  }

  HealthReport health() {
    long now = clock.nanoTime();
    return new HealthReport(
        registry.defaults().stream()
            .filter(version -> !version.isLeaving())
            .flatMap(version -> version.shortage(now).stream())
            .toList());
  }

  boolean isReady(String modelName, Optional<String> version) {
    return registry.find(modelName, version).readyWorkers() > 0;
  }

  boolean allReady() {
    return !registry.isClosed()
        && registry.defaults().stream()
            .filter(version -> !version.isLeaving())
            .allMatch(ModelVersion::hasItsWorkers);
  }

  /** Every version that stays, in the order of registration within a name, names sorted. */
  List<RegisteredModel> registered() {
    return registry.all().stream()
        .sorted(Comparator.comparing(ModelVersion::name))
        .filter(version -> !version.isLeaving())
        .map(version -> version.registered(registry.isDefault(version)))
        .toList();
  }

  /** Processes of the workers of all models, those that are leaving included. */
  List<Long> workerPids() {
    return registry.all().stream()
        .flatMap(version -> version.supervisor().fleetView().workers().stream())
        .flatMapToLong(worker -> worker.pid().stream())
        .boxed()
        .toList();
  }
}
