package org.tsnext.http.connection;

import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.util.Map;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.request.Authority;

/**
 * Makes of the head of an HTTP/2 request the one that everything behind it knows: with a request
 * line and a {@code Host}. What HTTP/1 could not say is refused.
 */
final class Http2Requests {

  static final HttpVersion HTTP_2 = new HttpVersion("HTTP/2.0", true);

  private static final AsciiString COOKIE = HttpHeaderNames.COOKIE;

  private Http2Requests() {}

  /**
   * Converts a head whose pseudo headers the codec has checked.
   *
   * @throws ServingException BAD_REQUEST
   */
  static HttpRequest request(Http2Headers from) {
    String target = isTunnel(from) ? from.authority().toString() : path(from);
    try {
      HttpHeaders headers = DefaultHttpHeadersFactory.headersFactory().newHeaders();
      copy(from, headers);
      return new DefaultHttpRequest(
          HTTP_2, HttpMethod.valueOf(from.method().toString()), target, headers);
    } catch (IllegalArgumentException e) {
      throw RequestChecks.malformed(RequestChecks.reason(e));
    }
  }

  /** CONNECT has an authority alone (RFC 9113, 8.5). */
  private static boolean isTunnel(Http2Headers from) {
    return from.method() != null
        && HttpMethod.CONNECT.asciiName().contentEquals(from.method())
        && from.scheme() == null
        && from.path() == null
        && from.authority() != null
        && Authority.isHostAndPort(from.authority());
  }

  private static String path(Http2Headers from) {
    if (from.method() == null || from.scheme() == null || from.path() == null) {
      throw RequestChecks.malformed("Expected :method, :scheme and :path");
    }
    String target = from.path().toString();
    if (!isVisible(target) || !(target.startsWith("/") || target.equals("*"))) {
      throw RequestChecks.malformed("The :path is not one, expected '/' and visible characters");
    }
    return target;
  }

  /** A head for the answer to a request that is refused. */
  static HttpRequest malformed(Http2Headers from) {
    HttpMethod method =
        HttpMethod.HEAD.asciiName().contentEquals(orEmpty(from.method()))
            ? HttpMethod.HEAD
            : HttpMethod.GET;
    return new DefaultHttpRequest(HTTP_2, method, "/", DefaultHttpHeadersFactory.headersFactory());
  }

  private static void copy(Http2Headers from, HttpHeaders to) {
    StringBuilder cookies = null;
    for (Map.Entry<CharSequence, CharSequence> header : from) {
      CharSequence name = header.getKey();
      if (name.length() > 0 && name.charAt(0) == ':') {
        continue;
      }
      if (COOKIE.contentEquals(name)) {
        // A client may send each of them as a header of its own.
        cookies = cookies == null ? new StringBuilder() : cookies.append("; ");
        cookies.append(header.getValue());
      } else {
        to.add(name, header.getValue());
      }
    }
    if (cookies != null) {
      to.add(COOKIE, cookies.toString());
    }
    if (from.authority() != null) {
      String host = to.get(HttpHeaderNames.HOST);
      if (host != null && !host.contentEquals(from.authority())) {
        throw RequestChecks.malformed("Host and :authority differ");
      }
      to.set(HttpHeaderNames.HOST, from.authority());
    }
  }

  private static CharSequence orEmpty(CharSequence text) {
    return text == null ? "" : text;
  }

  private static boolean isVisible(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) <= ' ' || text.charAt(i) >= 0x7f) {
        return false;
      }
    }
    return true;
  }
}
