package org.tsnext.http.settings;

import java.util.Objects;
import java.util.concurrent.Executor;

/**
 * The Open Inference Protocol (KServe v2). Its predictions are always there.
 *
 * @param enabled whether it has routes beyond these
 * @param conversions runs what takes the time to write and read large tensors; the caller's to end
 */
public record OpenInferenceSettings(boolean enabled, Executor conversions) {

  public OpenInferenceSettings {
    Objects.requireNonNull(conversions, "conversions");
  }

  /** No such routes, and no threads for tensors. */
  public static OpenInferenceSettings off() {
    return new OpenInferenceSettings(false, Runnable::run);
  }
}
