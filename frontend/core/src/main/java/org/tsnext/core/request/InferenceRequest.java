package org.tsnext.core.request;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One request, from any transport, immutable. It owns the buffers of its parts from construction
 * until {@link #release()}, which the holder of the request calls exactly once; {@code
 * InferenceService.submit} takes it over.
 *
 * @param id unique; answered to HTTP clients as {@code x-request-id}
 * @param version empty for the model's default version
 * @param protocol by which it came, for the metrics of predictions and explanations
 * @param headers in the order and spelling of the client, plus those the frontend adds
 * @param timeout how long the client is willing to wait; empty for no limit of its own
 * @param tensors whether tensors are read from the JSON of the answer, which may then hold numbers
 *     that are not finite; to anything else {@code json_nan} applies
 */
public record InferenceRequest(
    String id,
    String modelName,
    Optional<String> version,
    RequestKind kind,
    Protocol protocol,
    List<Header> headers,
    List<InputPart> parts,
    Optional<Duration> timeout,
    boolean tensors) {

  public InferenceRequest {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(version, "version");
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(protocol, "protocol");
    Objects.requireNonNull(timeout, "timeout");
    headers = List.copyOf(headers);
    parts = List.copyOf(parts);
  }

  /** A request whose answer goes to the client as it is. */
  public InferenceRequest(
      String id,
      String modelName,
      Optional<String> version,
      RequestKind kind,
      Protocol protocol,
      List<Header> headers,
      List<InputPart> parts,
      Optional<Duration> timeout) {
    this(id, modelName, version, kind, protocol, headers, parts, timeout, false);
  }

  /** Keeps the buffers of all parts for one more {@link #release}. */
  public void retain() {
    parts.forEach(part -> part.value().retain());
  }

  /** Releases the buffers of all parts. */
  public void release() {
    parts.forEach(part -> part.value().release());
  }
}
