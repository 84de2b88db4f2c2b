package org.tsnext.core.model;

import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.tsnext.core.error.ServingException;

/** Tells which models clients can name, from what is registered now. Thread-safe. */
final class ServedCatalog implements ServedModels {

  private final ModelRegistry registry;

  ServedCatalog(ModelRegistry registry) {
    this.registry = Objects.requireNonNull(registry, "registry");
  }

  @Override
  public List<ServedModel> all() {
    Stream<ServedModel> registered =
        registry.defaults().stream()
            .filter(version -> !isFunction(version))
            .map(version -> served(version.name(), version, Optional.empty()));
    Stream<ServedModel> further =
        registry.servedNames().all().stream()
            .filter(name -> !registry.has(name))
            .flatMap(name -> ofServedName(name).stream());
    return Stream.concat(registered, further)
        .sorted(Comparator.comparing(ServedModel::id))
        .toList();
  }

  @Override
  public Optional<ServedModel> find(String name) {
    if (!registry.has(name)) {
      return ofServedName(name);
    }
    return find(name, Optional.empty()).map(version -> served(name, version, Optional.empty()));
  }

  /** The default version if it has the name, else the oldest one that has it. */
  private Optional<ServedModel> ofServedName(String name) {
    Optional<String> modelName = registry.servedNames().modelOf(name);
    if (modelName.isEmpty()) {
      return Optional.empty();
    }
    List<String> versions = registry.servedNames().versionsOf(name);
    Optional<ModelVersion> byDefault =
        find(modelName.get(), Optional.empty())
            .filter(version -> versions.contains(version.version()));
    if (byDefault.isPresent()) {
      return byDefault.map(version -> served(name, version, Optional.empty()));
    }
    return versions.stream()
        .flatMap(version -> registry.lookUp(modelName.get(), version).stream())
        .filter(version -> !version.isLeaving())
        .findFirst()
        .map(version -> served(name, version, Optional.of(version.version())));
  }

  private Optional<ModelVersion> find(String modelName, Optional<String> version) {
    try {
      return Optional.of(registry.find(modelName, version));
    } catch (ServingException e) {
      return Optional.empty(); // it was unregistered meanwhile
    }
  }

  private static ServedModel served(String id, ModelVersion version, Optional<String> wanted) {
    return new ServedModel(
        id,
        version.name(),
        wanted,
        version.registeredAt(),
        version.readyWorkers() > 0
            ? Optional.of(version.supervisor().openAiRoutes())
            : Optional.empty());
  }

  private static boolean isFunction(ModelVersion version) {
    return version.spec().registration().origin().part() == RegisterModel.Part.WORKFLOW_FUNCTION;
  }
}
