package org.tsnext.http.settings;

import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * The Open Inference Protocol (KServe v2) beyond its predictions, which are always there.
 *
 * @param enabled whether it has routes
 * @param started whether each model of the start has been registered or refused
 */
public record OpenInferenceSettings(boolean enabled, BooleanSupplier started) {

  public OpenInferenceSettings {
    Objects.requireNonNull(started, "started");
  }

  /** No such routes. */
  public static OpenInferenceSettings off() {
    return new OpenInferenceSettings(false, () -> true);
  }
}
