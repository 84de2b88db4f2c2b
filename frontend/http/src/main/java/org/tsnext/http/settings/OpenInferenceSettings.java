package org.tsnext.http.settings;

import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;

/**
 * The Open Inference Protocol (KServe v2). Its predictions are always there.
 *
 * @param enabled whether it has routes beyond these
 * @param started whether each model of the start has been registered or refused
 * @param conversions runs what takes the time to write and read large tensors; the caller's to end
 */
public record OpenInferenceSettings(
    boolean enabled, BooleanSupplier started, Executor conversions) {

  public OpenInferenceSettings {
    Objects.requireNonNull(started, "started");
    Objects.requireNonNull(conversions, "conversions");
  }

  /** No such routes, and no threads for tensors. */
  public static OpenInferenceSettings off() {
    return new OpenInferenceSettings(false, () -> true, Runnable::run);
  }
}
