package org.tsnext.grpc.settings;

import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;

/**
 * What the services offer.
 *
 * @param modelApi whether models can be registered and unregistered
 * @param openInference empty if there is no Open Inference Protocol
 */
public record ServiceSettings(boolean modelApi, Optional<OpenInferenceProtocol> openInference) {

  public ServiceSettings {
    Objects.requireNonNull(openInference, "openInference");
  }

  /**
   * The Open Inference Protocol (KServe v2).
   *
   * @param serverVersion told in its metadata
   * @param started whether each model of the start has been registered or refused
   * @param conversions runs what takes the time to write and read large tensors; the caller's to
   *     end
   */
  public record OpenInferenceProtocol(
      String serverVersion, BooleanSupplier started, Executor conversions) {
    public OpenInferenceProtocol {
      Objects.requireNonNull(serverVersion, "serverVersion");
      Objects.requireNonNull(started, "started");
      Objects.requireNonNull(conversions, "conversions");
    }
  }
}
