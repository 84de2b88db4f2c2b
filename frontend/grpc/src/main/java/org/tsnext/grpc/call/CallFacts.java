package org.tsnext.grpc.call;

import io.grpc.Metadata;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.tracing.RequestTimeline;

/**
 * What all requests of a call have in common, by its metadata.
 *
 * @param headers for the handler
 * @param kind an explanation if the client says {@code explain: True}
 * @param contentType of the inputs, empty if the client says nothing
 * @param timeline notes their moments; empty if nothing follows the call
 */
public record CallFacts(
    List<Header> headers,
    RequestKind kind,
    String contentType,
    Optional<RequestTimeline> timeline) {

  private static final String EXPLAIN = "explain";
  private static final String TRUE = "true";

  /** The content type of every input of a call: metadata, since messages have no place for it. */
  private static final String INPUT_CONTENT_TYPE = "input-content-type";

  /**
   * Reads a call's metadata.
   *
   * @param policy which of it the handler gets
   * @param timeline of the call
   */
  public static CallFacts of(
      Metadata metadata, HeaderPolicy policy, Optional<RequestTimeline> timeline) {
    List<Header> headers = HandlerMetadata.of(metadata, policy);
    boolean explain = false;
    String contentType = "";
    for (Header header : headers) {
      switch (header.name()) {
        case EXPLAIN -> explain = header.value().equalsIgnoreCase(TRUE);
        case INPUT_CONTENT_TYPE -> contentType = bare(header.value());
        default -> {
          // The handler's.
        }
      }
    }
    return new CallFacts(
        headers, explain ? RequestKind.EXPLAIN : RequestKind.PREDICT, contentType, timeline);
  }

  private static String bare(String contentType) {
    int end = contentType.indexOf(';');
    return (end < 0 ? contentType : contentType.substring(0, end)).strip();
  }
}
