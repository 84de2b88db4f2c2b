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

/**
 * One model version of a snapshot: the members of TorchServe 0.12, and the registration as it was
 * asked for, which that version did not keep.
 *
 * @param marName the last segment of where it came from
 * @param maxBatchDelay and the other lengths are empty where the snapshot has none above zero
 * @param parallelLevel devices that one worker takes; 0 if it does not spread
 * @param registration empty in snapshots of TorchServe 0.12 and in those that people write
 */
public record SavedModel(
    String name,
    String version,
    boolean defaultVersion,
    String marName,
    int minWorkers,
    int maxWorkers,
    OptionalInt batchSize,
    Optional<Duration> maxBatchDelay,
    Optional<Duration> responseTimeout,
    Optional<Duration> startupTimeout,
    Optional<String> runtime,
    int parallelLevel,
    Optional<Registration> registration) {

  /**
   * How the version came to be.
   *
   * @param scaled whether the number of workers was changed after that
   */
  public record Registration(RegisterModel order, boolean scaled) {}

  public SavedModel {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(version, "version");
    Objects.requireNonNull(marName, "marName");
    Objects.requireNonNull(registration, "registration");
  }

  /** What is to be remembered of a version that is registered. */
  public static SavedModel of(RegisteredModel model) {
    return new SavedModel(
        model.name(),
        model.version(),
        model.defaultVersion(),
        fileName(model.order().url()),
        model.minWorkers(),
        model.maxWorkers(),
        OptionalInt.of(model.batchSize()),
        Optional.of(model.maxBatchDelay()),
        Optional.of(model.responseTimeout()),
        Optional.of(model.startupTimeout()),
        Optional.of(model.runtime()),
        model.parallelLevel(),
        Optional.of(new Registration(model.order(), model.scaled())));
  }

  /** The last segment of a path, or of the path of a URL. */
  private static String fileName(String location) {
    boolean remote = location.contains("://");
    return ModelNames.lastSegment(remote ? location.split("[?#]", 2)[0] : location);
  }

  /** The order that registers it again; it does not wait for workers. */
  public RegisterModel order() {
    if (registration.isPresent()) {
      RegisterModel first = registration.get().order();
      return new RegisterModel(
          first.url(),
          Optional.of(name),
          first.handler(),
          first.runtime(),
          first.batchSize(),
          first.maxBatchDelay(),
          first.initialWorkers(),
          first.responseTimeout(),
          first.startupTimeout(),
          false,
          first.s3SseKms(),
          first.trusted(),
          true);
    }
    return new RegisterModel(
        marName,
        Optional.of(name),
        Optional.empty(),
        runtime,
        batchSize,
        maxBatchDelay,
        OptionalInt.of(minWorkers),
        responseTimeout,
        startupTimeout,
        false,
        false,
        true,
        true);
  }

  /** The order for workers that follows; empty if the registration has said it all. */
  public Optional<ScaleModel> scaling() {
    boolean needed = registration.map(Registration::scaled).orElse(maxWorkers > minWorkers);
    return needed
        ? Optional.of(new ScaleModel(minWorkers, maxWorkers, false, Optional.empty()))
        : Optional.empty();
  }

  /**
   * The same for a version that is not registered now: it is not the default one if one of {@code
   * registered} is.
   */
  public SavedModel asLeftOver(List<SavedModel> registered) {
    boolean taken =
        registered.stream().anyMatch(model -> model.name().equals(name) && model.defaultVersion());
    return new SavedModel(
        name,
        version,
        defaultVersion && !taken,
        marName,
        minWorkers,
        maxWorkers,
        batchSize,
        maxBatchDelay,
        responseTimeout,
        startupTimeout,
        runtime,
        parallelLevel,
        registration);
  }

  /** Whether the other one is the same version of the same model. */
  public boolean isSameVersionAs(SavedModel other) {
    return name.equals(other.name()) && version.equals(other.version());
  }
}
