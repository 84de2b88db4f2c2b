package org.tsnext.core.request;

import java.util.List;
import java.util.Objects;

/**
 * What a handler said about its answer besides the body.
 *
 * @param status HTTP status, 0 if the handler set none
 * @param reason reason phrase, empty if the handler set none
 * @param headers as set by the handler, {@code content-type} among them
 */
public record ResponseHead(int status, String reason, BodyKind bodyKind, List<Header> headers) {

  /** What the handler returned; decides the content type when it set none. */
  public enum BodyKind {
    BYTES,
    TEXT,
    JSON,
    TENSOR,
    /** At the end of a stream: nothing, for its last part was a chunk. */
    NONE
  }

  /** A head with nothing set, as later chunks of a stream have. */
  public static final ResponseHead EMPTY = new ResponseHead(0, "", BodyKind.BYTES, List.of());

  public ResponseHead {
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(bodyKind, "bodyKind");
    headers = List.copyOf(headers);
  }
}
