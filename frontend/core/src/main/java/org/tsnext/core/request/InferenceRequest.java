package org.tsnext.core.request;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One request, from any transport, immutable. It owns the buffers of its parts from construction
 * until {@link #release()}, which whoever holds the request calls exactly once; {@code
 * InferenceService.submit} takes it over.
 *
 * @param id unique; answered to HTTP clients as {@code x-request-id}
 * @param version empty for the model's default version
 * @param protocol by which it came, for the metrics of predictions and explanations
 * @param headers in the order and spelling of the client, plus those the frontend adds
 * @param timeout how long the client is willing to wait; empty for no limit of its own
 */
public record InferenceRequest(
    String id,
    String modelName,
    Optional<String> version,
    RequestKind kind,
    Protocol protocol,
    List<Header> headers,
    List<InputPart> parts,
    Optional<Duration> timeout) {

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

  /** Keeps the buffers of all parts for one more {@link #release}. */
  public void retain() {
    parts.forEach(part -> part.value().retain());
  }

  /** Releases the buffers of all parts. */
  public void release() {
    parts.forEach(part -> part.value().release());
  }
}
