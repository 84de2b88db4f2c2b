package org.tsnext.core.model;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.time.Clock;
import org.tsnext.core.worker.WorkerUsage;

/** What can be told of the model versions that are registered or being prepared. Thread-safe. */
final class ModelCatalog {

  private final ModelRegistry registry;
  private final Preparations preparations;
  private final FailedStarts failedStarts;
  private final WorkerUsage usage;
  private final Clock clock;

  ModelCatalog(
      ModelRegistry registry,
      Preparations preparations,
      FailedStarts failedStarts,
      WorkerUsage usage,
      Clock clock) {
    this.registry = Objects.requireNonNull(registry, "registry");
    this.preparations = Objects.requireNonNull(preparations, "preparations");
    this.failedStarts = Objects.requireNonNull(failedStarts, "failedStarts");
    this.usage = Objects.requireNonNull(usage, "usage");
    this.clock = Objects.requireNonNull(clock, "clock");
  }

  /** One that is being prepared or could not be, unless a registered one is meant. */
  Optional<Preparation> preparation(String modelName, Optional<String> version) {
    return isRegistered(modelName, version)
        ? Optional.empty()
        : preparations.find(modelName, version);
  }

  /** What can be told of a version that is not registered, or not yet. */
  Optional<ModelDescription> unregistered(String modelName, Optional<String> version) {
    if (isRegistered(modelName, version)) {
      return Optional.empty();
    }
    return preparations
        .find(modelName, version)
        .map(Preparation::describe)
        .or(() -> failedStarts.find(modelName, version).map(FailedStart::describe));
  }

  ModelDescription describe(String modelName, Optional<String> version) {
    Optional<ModelDescription> unregistered = unregistered(modelName, version);
    if (unregistered.isPresent()) {
      return unregistered.get();
    }
    ModelVersion found = registry.find(modelName, version);
    return found.describe(registry.isDefault(found), usage);
  }

  List<ModelDescription> describeAll(String modelName) {
    List<ModelDescription> prepared =
        preparations.all(modelName).stream().map(Preparation::describe).toList();
    List<ModelDescription> unregistered =
        prepared.isEmpty()
            ? failedStarts.all(modelName, Optional.empty()).stream()
                .map(FailedStart::describe)
                .toList()
            : prepared;
    if (!unregistered.isEmpty() && !registry.has(modelName)) {
      return unregistered;
    }
    return Stream.concat(
            registry.versions(modelName).stream()
                .map(version -> version.describe(registry.isDefault(version), usage)),
            unregistered.stream())
        .toList();
  }

  /** Every version of every model, sorted by name, the default version of each first. */
  List<ModelDescription> describeEvery() {
    Map<VersionId, ModelDescription> all = new LinkedHashMap<>();
    registry.all().stream()
        .filter(version -> partOf(version) != RegisterModel.Part.WORKFLOW_FUNCTION)
        .map(version -> version.describe(registry.isDefault(version), usage))
        .forEach(found -> all.put(found.identity().id(), found));
    Stream.concat(
            preparations.all().stream().map(Preparation::describe),
            failedStarts.all().stream().map(FailedStart::describe))
        .forEach(found -> all.putIfAbsent(found.identity().id(), found));
    return all.values().stream()
        .sorted(
            Comparator.comparing(ModelDescription::modelName)
                .thenComparing(found -> !found.identity().defaultVersion()))
        .toList();
  }

  private boolean isRegistered(String modelName, Optional<String> version) {
    return version.isPresent()
        ? registry.lookUp(modelName, version.get()).isPresent()
        : registry.has(modelName);
  }

  List<ModelService.ModelEntry> list() {
    return registry.defaults().stream()
        .filter(version -> partOf(version) != RegisterModel.Part.WORKFLOW_FUNCTION)
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

  /** Every version that stays, in the order of registration within a name, names sorted. */
  List<RegisteredModel> registered() {
    return registry.all().stream()
        .sorted(Comparator.comparing(ModelVersion::name))
        .filter(version -> !version.isLeaving())
        .filter(version -> partOf(version) == RegisterModel.Part.MODEL)
        .map(version -> version.registered(registry.isDefault(version)))
        .toList();
  }

  private static RegisterModel.Part partOf(ModelVersion version) {
    return version.spec().registration().origin().part();
  }

  /** Processes of the workers of all models, those that are leaving included. */
  List<Long> workerPids() {
    return registry.all().stream()
        .flatMap(version -> version.supervisor().fleetView().workers().stream())
        .flatMap(worker -> worker.processes().all().stream())
        .toList();
  }
}
