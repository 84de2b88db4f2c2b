package org.tsnext.http.settings;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Everything the HTTP transport can be told.
 *
 * @param inferenceAddress and {@code managementAddress}: if both are the same, one listener serves
 *     both; port 0 never is the same
 * @param metricsAddress empty if there are no metrics over HTTP
 * @param maxRequestSize bytes of a request body, at most
 * @param streamBufferLimit bytes of one stream that may wait for a slow client before that stream
 *     is cut
 * @param bodyMemory bytes of large bodies, of requests and answers, that may be held for clients
 *     before requests are refused
 * @param enableModelApi whether models can be registered and unregistered
 * @param errorDetail whether error bodies carry the {@code detail} field
 * @param serverVersion shown in API descriptions
 * @param access who may connect, and what they may ask
 * @param startUpModels names of the models loaded at start; {@code /invocations} without a name
 *     means the only one of them
 */
public record HttpSettings(
    ListenAddress inferenceAddress,
    ListenAddress managementAddress,
    Optional<ListenAddress> metricsAddress,
    SocketSettings sockets,
    int maxRequestSize,
    int streamBufferLimit,
    long bodyMemory,
    CorsSettings cors,
    AccessSettings access,
    boolean enableModelApi,
    boolean errorDetail,
    String serverVersion,
    Supplier<List<String>> startUpModels,
    OpenInferenceSettings openInference) {

  /** {@code max_request_size} if the configuration says nothing. */
  public static final int DEFAULT_MAX_REQUEST_SIZE = 6_553_500;

  /** {@code streamBufferLimit} if the configuration says nothing. */
  public static final int DEFAULT_STREAM_BUFFER_LIMIT = 4 << 20;

  /** {@code bodyMemory} if the configuration says nothing. */
  public static final long DEFAULT_BODY_MEMORY = 256L << 20;

  public HttpSettings {
    Objects.requireNonNull(inferenceAddress, "inferenceAddress");
    Objects.requireNonNull(managementAddress, "managementAddress");
    Objects.requireNonNull(metricsAddress, "metricsAddress");
    Objects.requireNonNull(sockets, "sockets");
    Objects.requireNonNull(cors, "cors");
    Objects.requireNonNull(access, "access");
    Objects.requireNonNull(serverVersion, "serverVersion");
    Objects.requireNonNull(startUpModels, "startUpModels");
    Objects.requireNonNull(openInference, "openInference");
    if (maxRequestSize < 1) {
      throw new IllegalArgumentException(
          "max_request_size is " + maxRequestSize + ", expected 1 or more");
    }
    if (bodyMemory < maxRequestSize) {
      throw new IllegalArgumentException(
          "body memory is " + bodyMemory + ", expected at least one body of " + maxRequestSize);
    }
    if (streamBufferLimit < 1) {
      throw new IllegalArgumentException(
          "stream buffer limit is " + streamBufferLimit + ", expected 1 or more");
    }
  }

  /** Whether one listener serves inference and management. */
  public boolean combined() {
    boolean anyPort = inferenceAddress instanceof ListenAddress.Tcp tcp && tcp.port() == 0;
    return !anyPort && inferenceAddress.equals(managementAddress);
  }
}
