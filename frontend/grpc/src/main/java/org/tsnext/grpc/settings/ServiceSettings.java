package org.tsnext.grpc.settings;

import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.tsnext.core.tracing.Following;

/**
 * What the services offer.
 *
 * @param modelApi whether models can be registered and unregistered
 * @param openInference empty if there is no Open Inference Protocol
 * @param following which calls are followed
 */
public record ServiceSettings(
    boolean modelApi, Optional<OpenInferenceProtocol> openInference, Following following) {

  public ServiceSettings {
    Objects.requireNonNull(openInference, "openInference");
    Objects.requireNonNull(following, "following");
  }

  /** Of which clients with a valid token may ask for times, and nothing is traced. */
  public ServiceSettings(boolean modelApi, Optional<OpenInferenceProtocol> openInference) {
    this(modelApi, openInference, Following.ON_REQUEST);
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
