package org.tsnext.http.connection;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import java.util.List;
import java.util.Optional;

/** What a request head must satisfy beyond its syntax. */
final class RequestChecks {

  /** Leaves room for the headers that are added for handlers; the worker protocol takes 1024. */
  private static final int MAX_HEADER_COUNT = 1000;

  private RequestChecks() {}

  /** Why the request is malformed, or empty. */
  static Optional<String> defect(HttpRequest request) {
    if (request.decoderResult().isFailure()) {
      return Optional.of(reason(request.decoderResult().cause()));
    }
    HttpVersion version = request.protocolVersion();
    boolean version10 = version.equals(HttpVersion.HTTP_1_0);
    if (!version10 && !version.equals(HttpVersion.HTTP_1_1)) {
      return Optional.of("Version " + version + ", expected HTTP/1.0 or HTTP/1.1");
    }
    HttpHeaders headers = request.headers();
    if (headers.size() > MAX_HEADER_COUNT) {
      return Optional.of("More than " + MAX_HEADER_COUNT + " headers");
    }
    List<String> hosts = headers.getAll(HttpHeaderNames.HOST);
    if (hosts.size() > 1 || (hosts.isEmpty() && !version10)) {
      return Optional.of(hosts.size() + " Host headers, expected one");
    }
    List<String> codings = headers.getAll(HttpHeaderNames.TRANSFER_ENCODING);
    if (!codings.isEmpty() && (version10 || !isChunked(codings))) {
      return Optional.of("Transfer-Encoding " + codings + ", expected only chunked, in HTTP/1.1");
    }
    return Optional.empty();
  }

  static String reason(Throwable cause) {
    return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
  }

  private static boolean isChunked(List<String> codings) {
    return codings.size() == 1 && HttpHeaderValues.CHUNKED.contentEqualsIgnoreCase(codings.get(0));
  }
}
