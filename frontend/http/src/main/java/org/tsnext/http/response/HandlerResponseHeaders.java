package org.tsnext.http.response;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHeadLimit;

/** Checks what a handler wants in the head of its answer, and keeps what it may set. */
public final class HandlerResponseHeaders {

  /** Shown by streams to clients that look at it, as TorchServe 0.12 does. */
  public static final Header STREAM_NEXT = new Header("ts_stream_next", "true");

  private static final String CONTENT_TYPE = "content-type";
  private static final int OK = 200;

  /** Headers that are always the server's. */
  private static final Set<String> PROTECTED =
      Set.of(
          "x-request-id",
          "pragma",
          "cache-control",
          "expires",
          "date",
          "connection",
          "content-length",
          "transfer-encoding",
          "keep-alive",
          "trailer",
          "upgrade",
          "ts_stream_next");

  private HandlerResponseHeaders() {}

  /**
   * The headers that are sent, without the content type.
   *
   * @throws ServingException INTERNAL if a name, a value or the reason phrase is not one that HTTP
   *     can carry, the status is not a final one, or all of it is too large
   */
  public static List<Header> checked(ResponseHead head) {
    if (head.status() != 0 && (head.status() < 200 || head.status() > 999)) {
      throw invalid("status", Integer.toString(head.status()), "a number from 200 to 999");
    }
    if (!isText(head.reason())) {
      throw invalid("reason phrase", head.reason(), "one line");
    }
    Optional<ServingException> tooLarge = ResponseHeadLimit.HTTP.failure(head);
    if (tooLarge.isPresent()) {
      throw tooLarge.get();
    }
    return kept(head.headers());
  }

  /**
   * The headers that are sent with an error, without the content type.
   *
   * @throws ServingException INTERNAL if a name or a value is not one that HTTP can carry, or all
   *     of it is too large
   */
  static List<Header> checked(Map<String, String> ofError) {
    return checked(new ResponseHead(0, "", ResponseHead.BodyKind.BYTES, Header.of(ofError)));
  }

  private static List<Header> kept(List<Header> headers) {
    if (headers.isEmpty()) {
      return List.of();
    }
    List<Header> kept = new ArrayList<>(headers.size());
    for (Header header : headers) {
      if (!isToken(header.name())) {
        throw invalid("header name", header.name(), "a token");
      }
      if (!isText(header.value())) {
        throw invalid("value of header " + header.name(), header.value(), "one line");
      }
      String name = header.name().toLowerCase(Locale.ROOT);
      if (!name.equals(CONTENT_TYPE) && !PROTECTED.contains(name)) {
        kept.add(header);
      }
    }
    return kept;
  }

  /** The status of a response; 200 where the handler set none. */
  public static int status(ResponseHead head) {
    return head.status() == 0 ? OK : head.status();
  }

  /** The content type the handler set, or the one that goes with what it returned. */
  public static String contentType(ResponseHead head) {
    List<Header> headers = head.headers();
    for (int i = headers.size() - 1; i >= 0; i--) {
      if (headers.get(i).name().equalsIgnoreCase(CONTENT_TYPE)) {
        return headers.get(i).value();
      }
    }
    return defaultContentType(head.bodyKind());
  }

  private static String defaultContentType(ResponseHead.BodyKind kind) {
    return switch (kind) {
      case JSON -> Response.APPLICATION_JSON;
      case TEXT -> "text/plain; charset=utf-8";
      case BYTES, TENSOR, NONE -> "application/octet-stream";
    };
  }

  private static boolean isToken(String name) {
    return !name.isEmpty()
        && name.chars()
            .allMatch(
                c ->
                    (c >= '0' && c <= '9')
                        || (c >= 'a' && c <= 'z')
                        || (c >= 'A' && c <= 'Z')
                        || "!#$%&'*+-.^_`|~".indexOf(c) >= 0);
  }

  private static boolean isText(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if ((c < ' ' && c != '\t') || c == 0x7f) {
        return false;
      }
    }
    return true;
  }

  private static ServingException invalid(String what, String value, String expected) {
    return new ServingException(
        ErrorKind.INTERNAL,
        "The handler set an invalid "
            + what
            + ": "
            + quoted(value)
            + ", expected "
            + expected
            + ".");
  }

  private static String quoted(String value) {
    String start = value.length() > 100 ? value.substring(0, 100) + "..." : value;
    return '"' + start.replace("\r", "\\r").replace("\n", "\\n") + '"';
  }
}
