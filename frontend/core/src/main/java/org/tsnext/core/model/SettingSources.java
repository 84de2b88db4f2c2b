package org.tsnext.core.model;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;

/**
 * The places that can set a value of one model version, the strongest first; the server's defaults
 * come after them.
 *
 * @param configWins whether the model's own file is stronger than a registration over the API, as
 *     in TorchServe 0.12, which then asks it alone for timeouts
 */
record SettingSources(
    RegisterModel registration, ModelConfig config, ModelOverrides overrides, boolean configWins) {

  SettingSources {
    Objects.requireNonNull(registration, "registration");
    Objects.requireNonNull(config, "config");
    Objects.requireNonNull(overrides, "overrides");
  }

  /** Begins a choice of what both the registration and the model's own file may say. */
  <T> Choice.Among<T> choose(Optional<T> requested, Optional<T> configured) {
    return configWins
        ? Choice.of(Choice.MODEL_CONFIG, configured).or(requestName(), requested)
        : Choice.of(requestName(), requested).or(Choice.MODEL_CONFIG, configured);
  }

  /** As {@link #choose}, of a timeout. */
  Choice.Among<Duration> chooseTimeout(
      Optional<Duration> requested, Optional<Duration> configured) {
    return choose(configWins ? Optional.empty() : requested, configured);
  }

  /** How a description calls the registration. */
  String requestName() {
    return registration.origin().trusted() ? Choice.SNAPSHOT : Choice.REQUEST;
  }

  /** Whose mistake a bad value is: the caller's, or the model's. */
  static ErrorKind kindFor(boolean requested) {
    return requested ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_MODEL;
  }
}
