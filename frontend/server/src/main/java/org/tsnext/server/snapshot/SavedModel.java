package org.tsnext.server.snapshot;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ModelNames;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.RegisteredModel;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.WorkerRange;

/**
 * One model version of a snapshot: the members of TorchServe 0.12, and the registration as it was
 * asked for, which that version did not keep.
 *
 * @param marName the last segment of where it came from
 * @param registration empty in snapshots of TorchServe 0.12 and in those that people write
 */
public record SavedModel(
    VersionId id,
    boolean defaultVersion,
    String marName,
    WorkerRange workers,
    Values values,
    Optional<Registration> registration) {

  /**
   * The settings that TorchServe 0.12 keeps.
   *
   * @param maxBatchDelay and the other lengths are empty where the snapshot has none above zero
   * @param parallelLevel devices that one worker takes; 0 if it does not spread
   */
  public record Values(
      OptionalInt batchSize,
      Optional<Duration> maxBatchDelay,
      Optional<Duration> responseTimeout,
      Optional<Duration> startupTimeout,
      Optional<String> runtime,
      int parallelLevel) {}

  /**
   * How the version came to be.
   *
   * @param scaled whether the number of workers was changed after that
   */
  public record Registration(RegisterModel request, boolean scaled) {}

  public SavedModel {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(marName, "marName");
    Objects.requireNonNull(workers, "workers");
    Objects.requireNonNull(values, "values");
    Objects.requireNonNull(registration, "registration");
  }

  /** What is to be remembered of a version that is registered. */
  public static SavedModel of(RegisteredModel model) {
    return new SavedModel(
        model.id(),
        model.defaultVersion(),
        fileName(model.registration().source().url()),
        model.settings().workers(),
        new Values(
            OptionalInt.of(model.settings().batching().size()),
            Optional.of(model.settings().batching().maxDelay()),
            Optional.of(model.settings().timeouts().response()),
            Optional.of(model.settings().timeouts().startup()),
            Optional.of(model.runtime()),
            model.settings().config().devices().parallelLevel()),
        Optional.of(new Registration(model.registration(), model.scaled())));
  }

  /** The last segment of a path, or of the path of a URL. */
  private static String fileName(String location) {
    boolean remote = location.contains("://");
    return ModelNames.lastSegment(remote ? location.split("[?#]", 2)[0] : location);
  }

  /** The request that registers it again; it does not wait for workers. */
  public RegisterModel request() {
    if (registration.isPresent()) {
      RegisterModel first = registration.get().request();
      return new RegisterModel(
          first.source(),
          Optional.of(name()),
          first.handler(),
          first.runtime(),
          first.requested(),
          new RegisterModel.Origin(first.origin().trusted(), true),
          false);
    }
    return new RegisterModel(
        new RegisterModel.Source(marName, false),
        Optional.of(name()),
        Optional.empty(),
        values.runtime(),
        new RegisterModel.Requested(
            values.batchSize(),
            values.maxBatchDelay(),
            OptionalInt.of(workers.min()),
            values.responseTimeout(),
            values.startupTimeout()),
        new RegisterModel.Origin(true, true),
        false);
  }

  /** The request for workers that follows; empty if the registration has said it all. */
  public Optional<ScaleModel> scaling() {
    boolean needed = registration.map(Registration::scaled).orElse(workers.max() > workers.min());
    return needed
        ? Optional.of(new ScaleModel(workers.min(), workers.max(), false, Optional.empty()))
        : Optional.empty();
  }

  /**
   * The same for a version that is not registered now: it is not the default one if one of {@code
   * registered} is.
   */
  public SavedModel asLeftOver(List<SavedModel> registered) {
    boolean taken =
        registered.stream()
            .anyMatch(model -> model.name().equals(name()) && model.defaultVersion());
    return new SavedModel(id, defaultVersion && !taken, marName, workers, values, registration);
  }

  /** Whether the other one is the same version of the same model. */
  public boolean isSameVersionAs(SavedModel other) {
    return id.equals(other.id());
  }

  public String name() {
    return id.name();
  }

  public String version() {
    return id.version();
  }
}
