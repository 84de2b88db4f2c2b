package org.tsnext.http.response;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.core.request.Header;
import org.tsnext.core.time.Clock;
import org.tsnext.http.settings.CorsSettings;

/** Writes the heads of responses, mostly from fragments made once. Immutable, any thread. */
public final class HeadEncoder {

  /** How the end of the body is found by the client. */
  public enum Framing {
    CONTENT_LENGTH,
    CHUNKED,
    /** The body ends with the connection; HTTP/1.0 streams. */
    UNTIL_CLOSE,
    /** There is no body and no length: 204 and 304. */
    NO_BODY
  }

  /**
   * What a head says beside the headers that every answer has.
   *
   * @param reason empty for the standard phrase
   * @param length of the body; counts with {@link Framing#CONTENT_LENGTH} only
   */
  public record Head(
      int status,
      String reason,
      Optional<String> contentType,
      List<Header> headers,
      Framing framing,
      int length) {}

  private static final byte[] OK_LINE = ascii("HTTP/1.1 200 OK\r\n");
  private static final byte[] VERSION = ascii("HTTP/1.1 ");
  private static final byte[] CONTENT_TYPE = ascii("content-type: ");
  private static final byte[] JSON_TYPE = ascii("content-type: application/json\r\n");
  private static final byte[] REQUEST_ID = ascii("x-request-id: ");
  private static final AsciiString REQUEST_ID_NAME = AsciiString.cached("x-request-id");
  private static final String NO_CACHE_VALUE = "no-cache, no-store, must-revalidate, private";
  private static final String LONG_AGO = "Thu, 01 Jan 1970 00:00:00 UTC";
  private static final byte[] NO_CACHE =
      ascii(
          String.join(
              "\r\n",
              "",
              "Pragma: no-cache",
              "Cache-Control: " + NO_CACHE_VALUE,
              "Expires: " + LONG_AGO,
              ""));
  private static final Map<AsciiString, AsciiString> NO_CACHE_HEADERS =
      Map.of(
          HttpHeaderNames.PRAGMA, HttpHeaderValues.NO_CACHE,
          HttpHeaderNames.CACHE_CONTROL, AsciiString.cached(NO_CACHE_VALUE),
          HttpHeaderNames.EXPIRES, AsciiString.cached(LONG_AGO));
  private static final byte[] CONTENT_LENGTH = ascii("content-length: ");
  private static final byte[] CHUNKED = ascii("transfer-encoding: chunked\r\n");
  private static final byte[] KEEP_ALIVE = ascii("connection: keep-alive\r\n\r\n");
  private static final byte[] CLOSE = ascii("connection: close\r\n\r\n");
  private static final byte[] LINE_END = ascii("\r\n");

  private final List<CorsHeader> cors;
  private final DateLine date;

  public HeadEncoder(CorsSettings settings, Clock clock) {
    date = new DateLine(clock);
    List<CorsHeader> headers = new ArrayList<>();
    addCors(headers, "access-control-allow-origin", settings.oneOrigin());
    addCors(headers, "access-control-allow-methods", settings.methods());
    addCors(headers, "access-control-allow-headers", settings.headers());
    this.cors = List.copyOf(headers);
  }

  /** Appends a complete head to {@code out}. */
  public void encode(ByteBuf out, Head head, String requestId, boolean keepAlive) {
    writeStatusLine(out, head.status(), head.reason());
    if (head.contentType().isPresent()) {
      writeContentType(out, head.contentType().get());
    }
    for (Header header : head.headers()) {
      writeAscii(out, header.name());
      out.writeByte(':').writeByte(' ');
      out.writeCharSequence(header.value(), StandardCharsets.UTF_8);
      out.writeBytes(LINE_END);
    }
    out.writeBytes(REQUEST_ID);
    writeAscii(out, requestId);
    out.writeBytes(saysHowToCache(head) ? LINE_END : NO_CACHE);
    out.writeBytes(date.current());
    for (CorsHeader header : cors) {
      if (head.headers().isEmpty() || !header.isIn(head.headers())) {
        out.writeBytes(header.line);
      }
    }
    writeFraming(out, head);
    out.writeBytes(keepAlive ? KEEP_ALIVE : CLOSE);
  }

  /** The same head for HTTP/2, which has no reason phrase and frames of its own. */
  public Http2Headers http2(Head head, String requestId) {
    Http2Headers to = new DefaultHttp2Headers(false);
    to.status(HttpResponseStatus.valueOf(head.status()).codeAsText());
    head.contentType().ifPresent(type -> to.add(HttpHeaderNames.CONTENT_TYPE, utf8(type)));
    for (Header header : head.headers()) {
      to.add(AsciiString.of(header.name()).toLowerCase(), utf8(header.value()));
    }
    to.add(REQUEST_ID_NAME, AsciiString.of(requestId));
    if (!saysHowToCache(head)) {
      NO_CACHE_HEADERS.forEach(to::add);
    }
    to.add(HttpHeaderNames.DATE, date.value());
    for (CorsHeader header : cors) {
      if (head.headers().isEmpty() || !header.isIn(head.headers())) {
        to.add(header.name, header.value);
      }
    }
    if (head.framing() == Framing.CONTENT_LENGTH) {
      to.setInt(HttpHeaderNames.CONTENT_LENGTH, head.length());
    }
    return to;
  }

  /** Handlers cannot say it, so that only the server's own files do. */
  private static boolean saysHowToCache(Head head) {
    for (Header header : head.headers()) {
      if (header.name().equals("cache-control")) {
        return true;
      }
    }
    return false;
  }

  private static AsciiString utf8(String text) {
    return new AsciiString(text.getBytes(StandardCharsets.UTF_8), false);
  }

  private static void writeFraming(ByteBuf out, Head head) {
    switch (head.framing()) {
      case CONTENT_LENGTH -> {
        out.writeBytes(CONTENT_LENGTH);
        writeAscii(out, Integer.toString(head.length()));
        out.writeBytes(LINE_END);
      }
      case CHUNKED -> out.writeBytes(CHUNKED);
      case UNTIL_CLOSE, NO_BODY -> {
        // Nothing announces these.
      }
    }
  }

  private static void writeStatusLine(ByteBuf out, int status, String reason) {
    if (status == 200 && reason.isEmpty()) {
      out.writeBytes(OK_LINE);
      return;
    }
    out.writeBytes(VERSION);
    writeAscii(out, Integer.toString(status));
    out.writeByte(' ');
    out.writeCharSequence(
        reason.isEmpty() ? HttpResponseStatus.valueOf(status).reasonPhrase() : reason,
        StandardCharsets.UTF_8);
    out.writeBytes(LINE_END);
  }

  private static void writeContentType(ByteBuf out, String type) {
    if (type.equals(Response.APPLICATION_JSON)) {
      out.writeBytes(JSON_TYPE);
      return;
    }
    out.writeBytes(CONTENT_TYPE);
    out.writeCharSequence(type, StandardCharsets.UTF_8);
    out.writeBytes(LINE_END);
  }

  private static void writeAscii(ByteBuf out, String text) {
    ByteBufUtil.writeAscii(out, text);
  }

  private static void addCors(List<CorsHeader> headers, String name, Optional<String> value) {
    value.ifPresent(
        text ->
            headers.add(
                new CorsHeader(
                    name,
                    utf8(text),
                    (name + ": " + text + "\r\n").getBytes(StandardCharsets.UTF_8))));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** One configured header, ready to be written. */
  private static final class CorsHeader {
    private final String name;
    private final AsciiString value;
    private final byte[] line;

    CorsHeader(String name, AsciiString value, byte[] line) {
      this.name = name;
      this.value = value;
      this.line = line;
    }

    boolean isIn(List<Header> headers) {
      return headers.stream().anyMatch(header -> header.name().equalsIgnoreCase(name));
    }
  }
}
