package org.tsnext.http.connection;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.request.Authority;

/** What a request head must satisfy beyond its syntax. */
final class RequestChecks {

  /** Leaves room for the headers that are added for handlers; the worker protocol takes 1024. */
  private static final int MAX_HEADER_COUNT = 1000;

  private static final String CHUNKED = "chunked";
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]+");

  private RequestChecks() {}

  /** Why the request is refused, or empty. */
  static Optional<ServingException> defect(HttpRequest request) {
    if (request.decoderResult().isFailure()) {
      return Optional.of(undecoded(request.decoderResult().cause()));
    }
    boolean version10 = request.protocolVersion().equals(HttpVersion.HTTP_1_0);
    HttpHeaders headers = request.headers();
    if (headers.size() > MAX_HEADER_COUNT) {
      return Optional.of(
          invalid(ErrorKind.HEADERS_TOO_LARGE, "More than " + MAX_HEADER_COUNT + " headers"));
    }
    List<String> hosts = headers.getAll(HttpHeaderNames.HOST);
    if (hosts.size() > 1 || (hosts.isEmpty() && !version10)) {
      return Optional.of(malformed(hosts.size() + " Host headers, expected one"));
    }
    if (!hosts.isEmpty() && !Authority.isValid(hosts.get(0))) {
      return Optional.of(malformed("The Host header is not host[:port]"));
    }
    List<String> codings = headers.getAll(HttpHeaderNames.TRANSFER_ENCODING);
    return codings.isEmpty() ? Optional.empty() : codingDefect(codings, version10);
  }

  private static Optional<ServingException> codingDefect(List<String> codings, boolean version10) {
    String all = String.join(", ", codings);
    if (!version10 && CHUNKED.equalsIgnoreCase(all)) {
      return Optional.empty();
    }
    String reason = "Transfer-Encoding " + all + ", expected only chunked, in HTTP/1.1";
    String[] list = all.split(", *", -1);
    long chunked = Arrays.stream(list).filter(CHUNKED::equalsIgnoreCase).count();
    boolean delimited = chunked == 1 && CHUNKED.equalsIgnoreCase(list[list.length - 1]);
    boolean known = Arrays.stream(list).allMatch(coding -> TOKEN.matcher(coding).matches());
    return Optional.of(
        delimited && known && !version10
            ? new ServingException(ErrorKind.NOT_SUPPORTED, reason + ".")
            : malformed(reason));
  }

  /** The error for what could not be decoded. */
  static ServingException undecoded(Throwable cause) {
    String reason = reason(cause);
    if (cause instanceof TooLongHttpLineException) {
      return invalid(ErrorKind.TARGET_TOO_LONG, reason);
    }
    if (cause instanceof TooLongHttpHeaderException) {
      return invalid(ErrorKind.HEADERS_TOO_LARGE, reason);
    }
    return cause instanceof RequestDecoder.UnsupportedVersion
        ? invalid(ErrorKind.VERSION_NOT_SUPPORTED, reason)
        : malformed(reason);
  }

  static ServingException malformed(String reason) {
    return invalid(ErrorKind.BAD_REQUEST, reason);
  }

  static ServingException unknownExpectation(String expectation) {
    return new ServingException(
        ErrorKind.EXPECTATION_FAILED,
        "Expectation not supported: " + expectation + ", expected 100-continue.");
  }

  static ServingException tooSlow() {
    return new ServingException(
            ErrorKind.READ_TIMEOUT, "The body of the request was not received in time.")
        .withDetail("It trickled for longer than request_read_timeout_sec.");
  }

  static ServingException tooLarge(int limit) {
    return new ServingException(
        ErrorKind.REQUEST_TOO_LARGE,
        "The request body is larger than max_request_size=" + limit + " bytes.");
  }

  static ServingException noRoom(boolean ofLarge) {
    return ofLarge
        ? new ServingException(
                ErrorKind.BODY_MEMORY_FULL, "The server holds too many large bodies at the moment.")
            .withDetail("They take all of body_memory_bytes.")
        : new ServingException(
                ErrorKind.BODY_MEMORY_FULL, "The server holds too many small bodies at the moment.")
            .withDetail("They take their share, one eighth of body_memory_bytes.");
  }

  private static ServingException invalid(ErrorKind kind, String reason) {
    return new ServingException(kind, "Invalid HTTP message.").withDetail(reason);
  }

  static String reason(Throwable cause) {
    return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
  }
}
