package org.tsnext.core.model;

import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.WorkerRange;

/** Chooses how many workers a model version starts with. */
final class WorkersChoice {

  private WorkersChoice() {}

  /**
   * Chooses the range that is asked for.
   *
   * @throws ServingException if it asks for a number that cannot be
   */
  static Choice<WorkerRange> of(SettingSources sources, ServingSettings server) {
    OptionalInt requested = sources.registration().requested().initialWorkers();
    if (requested.isPresent()
        && (requested.getAsInt() < 0 || requested.getAsInt() > ServingSettings.MAX_WORKERS)) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "initial_workers is "
              + requested.getAsInt()
              + ", expected 0 to "
              + ServingSettings.MAX_WORKERS
              + ".");
    }
    Choice.Among<WorkerRange> chosen =
        sources.choose(
            exactly(requested),
            atLeastOne(
                Choice.MODEL_CONFIG,
                sources.config().workers().min(),
                sources.config().workers().max()));
    if (sources.registration().origin().trusted()) {
      chosen =
          chosen.or(
              Choice.MODELS,
              atLeastOne(
                  Choice.MODELS,
                  sources.overrides().minWorkers(),
                  sources.overrides().maxWorkers()));
    }
    int number =
        sources.registration().origin().trusted()
            ? server.startupWorkers()
            : server.modelDefaults().workers().orElse(0);
    return chosen.orElse("default_workers_per_model", new WorkerRange(number, number));
  }

  private static Optional<WorkerRange> exactly(OptionalInt number) {
    return number.isEmpty()
        ? Optional.empty()
        : Optional.of(new WorkerRange(number.getAsInt(), number.getAsInt()));
  }

  /** A minimum of at least one, with a maximum that is not below it. */
  private static Optional<WorkerRange> atLeastOne(String where, OptionalInt min, OptionalInt max) {
    if (min.isEmpty() || min.getAsInt() < 1) {
      return Optional.empty();
    }
    int most = max.orElse(min.getAsInt());
    if (Math.max(min.getAsInt(), most) > ServingSettings.MAX_WORKERS) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL,
          "%s asks for %d to %d workers, expected at most %d."
              .formatted(where, min.getAsInt(), most, ServingSettings.MAX_WORKERS));
    }
    return most < min.getAsInt()
        ? Optional.empty()
        : Optional.of(new WorkerRange(min.getAsInt(), most));
  }
}
