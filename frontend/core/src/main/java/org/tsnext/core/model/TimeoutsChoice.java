package org.tsnext.core.model;

import java.time.Duration;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.Timeouts;

/** The timeouts of a model version, each with who set it. */
record TimeoutsChoice(
    Choice<Duration> response,
    Choice<Duration> startup,
    Choice<Duration> maxRetry,
    Choice<Duration> client) {

  /**
   * Chooses all of them.
   *
   * @throws ServingException if the registration names one that is not above zero
   */
  static TimeoutsChoice of(SettingSources sources, ServingSettings.ServerTimeouts server) {
    RegisterModel.Requested requested = sources.registration().requested();
    Choice<Duration> response =
        positive(
            "response_timeout",
            sources
                .chooseTimeout(requested.responseTimeout(), sources.config().timeouts().response())
                .or(Choice.MODELS, sources.overrides().responseTimeout())
                .orElse("default_response_timeout", server.response()));
    Choice<Duration> startup =
        positive(
            "startup_timeout",
            sources
                .chooseTimeout(requested.startupTimeout(), sources.config().timeouts().startup())
                .or(Choice.MODELS, sources.overrides().startupTimeout())
                .orElse("default_startup_timeout", server.startup()));
    Choice<Duration> maxRetry =
        Choice.of(Choice.MODEL_CONFIG, sources.config().timeouts().maxRetry())
            .orElse(Choice.DEFAULT, server.maxRetry());
    Choice<Duration> client =
        Choice.of(Choice.MODEL_CONFIG, sources.config().timeouts().client())
            .orElse(Choice.DEFAULT, Duration.ZERO);
    return new TimeoutsChoice(response, startup, maxRetry, client);
  }

  Timeouts values() {
    return new Timeouts(response.value(), startup.value(), maxRetry.value(), client.value());
  }

  /** Only a request can say zero or less; the other places were checked when they were read. */
  private static Choice<Duration> positive(String key, Choice<Duration> timeout) {
    if (timeout.value().isNegative() || timeout.value().isZero()) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          key + " is " + timeout.value().toSeconds() + " s, expected more than 0.");
    }
    return timeout;
  }
}
