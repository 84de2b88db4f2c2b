package org.tsnext.http.settings;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.tsnext.core.error.ErrorForm;

/**
 * Everything the HTTP transport can be told.
 *
 * @param access who may connect, and what they may ask
 */
public record HttpSettings(
    Addresses addresses,
    SocketSettings sockets,
    BodySettings bodies,
    CorsSettings cors,
    AccessSettings access,
    ApiSettings api) {

  /** {@code max_request_size} if the configuration says nothing. */
  public static final int DEFAULT_MAX_REQUEST_SIZE = 6_553_500;

  /** {@code streamBufferLimit} if the configuration says nothing. */
  public static final int DEFAULT_STREAM_BUFFER_LIMIT = 4 << 20;

  /** {@code bodyMemory} if the configuration says nothing. */
  public static final long DEFAULT_BODY_MEMORY = 256L << 20;

  public HttpSettings {
    Objects.requireNonNull(addresses, "addresses");
    Objects.requireNonNull(sockets, "sockets");
    Objects.requireNonNull(bodies, "bodies");
    Objects.requireNonNull(cors, "cors");
    Objects.requireNonNull(access, "access");
    Objects.requireNonNull(api, "api");
  }

  /**
   * Where it listens.
   *
   * @param inference and {@code management}: if both are the same, one listener serves both; port 0
   *     never is the same
   * @param metrics empty if there are no metrics over HTTP
   * @param kserve a further one for inference, without tokens; empty if KServe is not served
   */
  public record Addresses(
      ListenAddress inference,
      ListenAddress management,
      Optional<ListenAddress> metrics,
      Optional<ListenAddress> kserve) {

    public Addresses {
      Objects.requireNonNull(inference, "inference");
      Objects.requireNonNull(management, "management");
      Objects.requireNonNull(metrics, "metrics");
      Objects.requireNonNull(kserve, "kserve");
    }

    /** Without one for KServe. */
    public Addresses(
        ListenAddress inference, ListenAddress management, Optional<ListenAddress> metrics) {
      this(inference, management, metrics, Optional.empty());
    }

    /** Whether one listener serves inference and management. */
    public boolean combined() {
      boolean anyPort = inference instanceof ListenAddress.Tcp tcp && tcp.port() == 0;
      return !anyPort && inference.equals(management);
    }
  }

  /**
   * How much of bodies is taken and held.
   *
   * @param maxRequestSize bytes of a request body, at most
   * @param streamBufferLimit bytes of one stream that may wait for a slow client before that stream
   *     is cut
   * @param memory bytes of large bodies, of requests and answers, that may be held for clients
   *     before requests are refused
   */
  public record BodySettings(int maxRequestSize, int streamBufferLimit, long memory) {

    public BodySettings {
      if (maxRequestSize < 1) {
        throw new IllegalArgumentException(
            "max_request_size is " + maxRequestSize + ", expected 1 or more");
      }
      if (memory < maxRequestSize) {
        throw new IllegalArgumentException(
            "body memory is " + memory + ", expected at least one body of " + maxRequestSize);
      }
      if (streamBufferLimit < 1) {
        throw new IllegalArgumentException(
            "stream buffer limit is " + streamBufferLimit + ", expected 1 or more");
      }
    }
  }

  /**
   * What the routes do and show.
   *
   * @param enableModelApi whether models can be registered and unregistered
   * @param errors how errors look; what else differs from TorchServe 0.12 goes by its compatibility
   * @param serverVersion shown in API descriptions
   * @param startUpModels names of the models loaded at start; {@code /invocations} without a name
   *     means the only one of them
   */
  public record ApiSettings(
      boolean enableModelApi,
      ErrorForm errors,
      String serverVersion,
      Supplier<List<String>> startUpModels,
      OpenInferenceSettings openInference) {

    public ApiSettings {
      Objects.requireNonNull(errors, "errors");
      Objects.requireNonNull(serverVersion, "serverVersion");
      Objects.requireNonNull(startUpModels, "startUpModels");
      Objects.requireNonNull(openInference, "openInference");
    }
  }
}
