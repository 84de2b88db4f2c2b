package org.tsnext.api;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.Manifest;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;

/**
 * Reads the management requests of clients. What is wrong is a BAD_REQUEST that names the
 * parameter.
 */
final class ManagementRequests {

  /** Stands for a drain without a limit. */
  private static final Duration UNTIL_DONE = Duration.ofDays(365);

  /** A module or file and a function; names of files end at 255 bytes. */
  private static final int MAX_HANDLER_LENGTH = 1024;

  private ManagementRequests() {}

  static RegisterModel registration(Parameters given, boolean synchronous) {
    String url = given.required("url");
    return new RegisterModel(
        new RegisterModel.Source(url, given.flag("s3_sse_kms").orElse(false)),
        given.text("model_name"),
        handler(given),
        runtime(given),
        new RegisterModel.Requested(
            given.integerFrom("batch_size", 1),
            duration(given.integerFrom("max_batch_delay", 0), 1),
            given.integerFrom("initial_workers", 0),
            duration(given.integerFrom("response_timeout", 1), 1000),
            duration(given.integerFrom("startup_timeout", 1), 1000)),
        RegisterModel.Origin.CLIENT,
        given.flag("synchronous").orElse(synchronous));
  }

  static ScaleModel scaling(Parameters given) {
    int min = given.integer("min_worker").orElse(1);
    if (min < 0) {
      throw Parameters.outOfRange("min_worker", min, 0);
    }
    int max = given.integer("max_worker").orElse(min);
    if (max < min) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST, "max_worker cannot be less than min_worker.");
    }
    return new ScaleModel(min, max, given.flag("synchronous").orElse(false), drainTime(given));
  }

  private static Optional<Duration> drainTime(Parameters given) {
    OptionalInt seconds = given.integer("timeout");
    if (seconds.isEmpty()) {
      return Optional.empty();
    }
    if (seconds.getAsInt() < -1) {
      throw Parameters.outOfRange("timeout", seconds.getAsInt(), -1);
    }
    return Optional.of(
        seconds.getAsInt() == -1 ? UNTIL_DONE : Duration.ofSeconds(seconds.getAsInt()));
  }

  private static Optional<String> handler(Parameters given) {
    Optional<String> handler = given.text("handler");
    handler
        .filter(text -> text.length() > MAX_HANDLER_LENGTH)
        .ifPresent(
            text -> {
              throw Parameters.unexpected(
                  "handler", text, "at most " + MAX_HANDLER_LENGTH + " characters");
            });
    return handler;
  }

  private static Optional<String> runtime(Parameters given) {
    Optional<String> runtime = given.text("runtime");
    runtime
        .filter(name -> !Manifest.isRuntime(name))
        .ifPresent(
            name -> {
              throw new ServingException(
                  ErrorKind.BAD_REQUEST, "Invalid RuntimeType value: " + Parameters.shown(name));
            });
    return runtime;
  }

  private static Optional<Duration> duration(OptionalInt count, long unitMillis) {
    return count.isEmpty()
        ? Optional.empty()
        : Optional.of(Duration.ofMillis(count.getAsInt() * unitMillis));
  }
}
