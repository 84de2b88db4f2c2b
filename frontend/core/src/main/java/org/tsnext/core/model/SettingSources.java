package org.tsnext.core.model;

import java.util.Objects;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;

/**
 * The places that can set a value of one model version, the strongest first; the server's defaults
 * come after them.
 */
record SettingSources(RegisterModel registration, ModelConfig config, ModelOverrides overrides) {

  SettingSources {
    Objects.requireNonNull(registration, "order");
    Objects.requireNonNull(config, "config");
    Objects.requireNonNull(overrides, "overrides");
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
