package org.tsnext.grpc.settings;

import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;

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
   * @param conversions runs what takes the time to write and read large tensors; the caller's to
   *     end
   */
  public record OpenInferenceProtocol(String serverVersion, Executor conversions) {
    public OpenInferenceProtocol {
      Objects.requireNonNull(serverVersion, "serverVersion");
      Objects.requireNonNull(conversions, "conversions");
    }
  }
}
