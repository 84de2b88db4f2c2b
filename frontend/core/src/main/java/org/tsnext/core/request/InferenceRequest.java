package org.tsnext.core.request;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.tracing.RequestTimeline;

/**
 * One request, from any transport, immutable. It owns the buffers of its parts from construction
 * until {@link #release()}, which the holder of the request calls exactly once; {@code
 * InferenceService.submit} takes it over.
 *
 * @param id unique; answered to HTTP clients as {@code x-request-id}
 * @param headers in the order and spelling of the client, plus those the frontend adds
 * @param timeout how long the client is willing to wait; empty for no limit of its own
 */
public record InferenceRequest(
    String id,
    Target target,
    RequestKind kind,
    Origin origin,
    List<Header> headers,
    List<InputPart> parts,
    Optional<Duration> timeout) {

  /**
   * What is asked.
   *
   * @param version empty for the model's default version
   */
  public record Target(String modelName, Optional<String> version) {

    public Target {
      Objects.requireNonNull(modelName, "modelName");
      Objects.requireNonNull(version, "version");
    }
  }

  /**
   * Who asks, and how the answer is read.
   *
   * @param protocol by which the request came, for the metrics of predictions and explanations
   * @param tensors whether tensors are read from the JSON of the answer, which may then hold
   *     numbers that are not finite; to anything else {@code json_nan} applies. Without them the
   *     answer goes to the client as it is
   * @param timeline notes the request's moments; empty if nobody follows it
   */
  public record Origin(Protocol protocol, boolean tensors, Optional<RequestTimeline> timeline) {

    public Origin {
      Objects.requireNonNull(protocol, "protocol");
      Objects.requireNonNull(timeline, "timeline");
    }

    /** Of a request that nobody follows. */
    public Origin(Protocol protocol, boolean tensors) {
      this(protocol, tensors, Optional.empty());
    }
  }

  public InferenceRequest {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(origin, "origin");
    Objects.requireNonNull(timeout, "timeout");
    headers = List.copyOf(headers);
    parts = List.copyOf(parts);
  }

  public String modelName() {
    return target.modelName();
  }

  /** Empty for the model's default version. */
  public Optional<String> version() {
    return target.version();
  }

  public Protocol protocol() {
    return origin.protocol();
  }

  public boolean tensors() {
    return origin.tensors();
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
