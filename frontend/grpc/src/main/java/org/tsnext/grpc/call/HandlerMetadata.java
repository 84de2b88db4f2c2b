package org.tsnext.grpc.call;

import io.grpc.InternalMetadata;
import io.grpc.Metadata;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHeadLimit;

/** Metadata for handlers, and of handlers. */
public final class HandlerMetadata {

  /** What belongs to gRPC or to HTTP/2, in both directions. */
  private static final Set<String> RESERVED =
      Set.of(
          "accept-encoding",
          "connection",
          "content-encoding",
          "content-length",
          "content-type",
          "date",
          "host",
          "keep-alive",
          "te",
          "trailer",
          "transfer-encoding",
          "ts_stream_next",
          "upgrade",
          "x-request-id");

  /** A handler says no token, and nothing that only the server says. */
  private static final HeaderPolicy ANSWERS = HeaderPolicy.TOKENS_CHECKED;

  private static final String REQUEST_ID = "x-request-id";

  private HandlerMetadata() {}

  /**
   * A call's metadata as request headers. What is binary, belongs to gRPC, or is not the handler's
   * to see is left out.
   *
   * @param policy of the listener
   */
  public static List<Header> of(Metadata metadata, HeaderPolicy policy) {
    // Names and values in turn. To ask for each name would search all entries each time.
    byte[][] entries = InternalMetadata.serialize(metadata);
    List<Header> headers = new ArrayList<>(entries.length / 2);
    for (int i = 0; i < entries.length; i += 2) {
      String name = new String(entries[i], StandardCharsets.US_ASCII);
      if (policy.passes(name) && (isCarried(name) || name.equals(REQUEST_ID))) {
        headers.add(new Header(name, new String(entries[i + 1], StandardCharsets.US_ASCII)));
      }
    }
    return headers;
  }

  /**
   * A handler's response headers as trailing metadata. What gRPC cannot carry, or what is not the
   * handler's to say, is left out; so is all of a head that is too large.
   */
  public static Metadata trailers(ResponseHead head) {
    Metadata trailers = new Metadata();
    if (ResponseHeadLimit.GRPC.failure(head).isPresent()) {
      return trailers;
    }
    for (Header header : head.headers()) {
      String name = header.name().toLowerCase(Locale.ROOT);
      if (isName(name) && isCarried(name) && ANSWERS.passes(name) && isText(header.value())) {
        trailers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), header.value());
      }
    }
    return trailers;
  }

  private static boolean isCarried(String name) {
    return !name.startsWith("grpc-")
        && !name.endsWith(Metadata.BINARY_HEADER_SUFFIX)
        && !RESERVED.contains(name);
  }

  private static boolean isName(String name) {
    if (name.isEmpty()) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (!alphanumeric && c != '-' && c != '_' && c != '.') {
        return false;
      }
    }
    return true;
  }

  private static boolean isText(String value) {
    return value.chars().allMatch(c -> c >= ' ' && c <= '~');
  }
}
