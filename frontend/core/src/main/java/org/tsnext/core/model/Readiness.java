package org.tsnext.core.model;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.HealthReport.ShortModel;

/**
 * Decides whether requests should be sent here: once the start is over, while each default version
 * has its workers and no model of the start is missing, and until a drain begins. Thread-safe.
 */
public final class Readiness {

  private enum Phase {
    STARTING("The server is starting: not every model of the start is registered yet."),
    SERVING(""),
    DRAINING("The server is shutting down.");

    private final String reason;

    Phase(String reason) {
      this.reason = reason;
    }
  }

  private final ModelRegistry registry;
  private final ModelCatalog catalog;
  private final FailedStarts failedStarts;
  private final VersionFactory factory;
  private volatile Phase phase = Phase.STARTING;

  Readiness(
      ModelRegistry registry,
      ModelCatalog catalog,
      FailedStarts failedStarts,
      VersionFactory factory) {
    this.registry = Objects.requireNonNull(registry, "registry");
    this.catalog = Objects.requireNonNull(catalog, "catalog");
    this.failedStarts = Objects.requireNonNull(failedStarts, "failedStarts");
    this.factory = Objects.requireNonNull(factory, "factory");
  }

  /**
   * A model of the start could not be registered: it counts as failed until a client registers or
   * unregisters it.
   *
   * @param version empty if it is not known
   */
  public void startFailed(
      RegisterModel registration, Optional<String> version, ServingException why) {
    // Of two that are the same, one is registered.
    if (why.kind() != ErrorKind.CONFLICT && why.kind() != ErrorKind.SHUTTING_DOWN) {
      failedStarts.add(factory.failedStart(registration, version, why));
    }
  }

  /** Each model of the start is registered or has failed. Does nothing once a drain has begun. */
  public synchronized void startCompleted() {
    phase = phase == Phase.STARTING ? Phase.SERVING : phase;
  }

  /**
   * No request should be sent here any more; those that come are served.
   *
   * @return whether any was sent here, because the start was over
   */
  public synchronized boolean beginDrain() {
    boolean served = phase == Phase.SERVING;
    phase = Phase.DRAINING;
    return served;
  }

  /** Of the whole server. */
  ReadinessReport ofServer() {
    Phase now = phase;
    if (now != Phase.SERVING) {
      return ReadinessReport.of(now.reason);
    }
    return ReadinessReport.of(
        Stream.concat(
                registry.defaults().stream()
                    .filter(version -> !version.isLeaving() && !version.hasItsWorkers())
                    .map(ModelVersion::asShort),
                failedStarts.all().stream().map(FailedStart::asShort))
            .toList());
  }

  /**
   * Of one version: whether a worker has it loaded.
   *
   * @param version empty for the default one
   * @throws ServingException if there is none
   */
  ReadinessReport ofModel(String name, Optional<String> version) {
    Optional<ShortModel> shortage = shortage(name, version);
    return phase == Phase.DRAINING
        ? ReadinessReport.of(Phase.DRAINING.reason)
        : ReadinessReport.of(shortage.map(List::of).orElse(List.of()));
  }

  private Optional<ShortModel> shortage(String name, Optional<String> version) {
    Optional<ModelDescription> unregistered = catalog.unregistered(name, version);
    if (unregistered.isPresent()) {
      return unregistered.map(Readiness::asShort);
    }
    ModelVersion found = registry.find(name, version);
    return found.readyWorkers() > 0 && !found.isLeaving()
        ? Optional.empty()
        : Optional.of(found.asShort());
  }

  private static ShortModel asShort(ModelDescription model) {
    return new ShortModel(
        model.modelName(),
        model.modelVersion(),
        0,
        model.settings().workers().min(),
        model.condition().diagnosis().reason());
  }

  /**
   * A model of the start that serves nothing and is not started again by itself, with the cause.
   */
  public Optional<String> givenUpAtStart() {
    return Stream.concat(
            failedStarts.all().stream().map(FailedStart::asShort),
            registry.all().stream()
                .filter(version -> version.spec().registration().origin().trusted())
                .filter(version -> !version.isLeaving() && version.isGivenUp())
                .map(ModelVersion::asShort))
        .findFirst()
        .map(
            model ->
                "model " + model.name() + " version " + model.version() + ": " + model.reason());
  }
}
