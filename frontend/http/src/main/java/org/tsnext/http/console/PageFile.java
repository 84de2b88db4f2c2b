package org.tsnext.http.console;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.tsnext.core.request.Header;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.WeightedValue;
import org.tsnext.http.response.Response;

/** A file of a web page, compressed as the build has left it. Immutable. */
final class PageFile {

  private static final String FOLDER = "/org/tsnext/console/";
  private static final int ETAG_LENGTH = 32;

  /**
   * Everything comes from this server, nothing runs that a page's text says, and no other page
   * shows this one in a frame.
   */
  static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
          + " media-src 'self' blob:; font-src 'self'; connect-src 'self'; base-uri 'none';"
          + " form-action 'none'; frame-ancestors 'none'";

  private static final List<Header> HEADERS =
      List.of(
          new Header("content-security-policy", POLICY),
          new Header("x-frame-options", "DENY"),
          new Header("x-content-type-options", "nosniff"),
          new Header("referrer-policy", "no-referrer"),
          new Header("cross-origin-opener-policy", "same-origin"),
          new Header("cross-origin-resource-policy", "same-origin"),
          // Asked for each time, answered by 304 as long as it is the same.
          new Header("cache-control", "no-cache"),
          new Header("vary", "accept-encoding"));

  private final String contentType;
  private final byte[] packed;
  private final byte[] plain;
  private final String etag;

  /**
   * @param packed in gzip
   */
  private PageFile(String contentType, byte[] packed, byte[] plain) {
    this.contentType = contentType;
    this.packed = packed;
    this.plain = plain;
    this.etag = etagOf(plain);
  }

  /** Whether the build had what it takes to make the pages. */
  static boolean areBuilt() {
    return PageFile.class.getResource(FOLDER + "console/index.html.gz") != null;
  }

  /**
   * Reads a file from the class path. Blocks.
   *
   * @param name with its folder, such as {@code console/page.js}
   */
  static PageFile read(String name) {
    try (InputStream in = PageFile.class.getResourceAsStream(FOLDER + name + ".gz")) {
      if (in == null) {
        throw new IllegalStateException("no file " + name + " of the web pages in this build");
      }
      byte[] packed = in.readAllBytes();
      byte[] plain = new GZIPInputStream(new ByteArrayInputStream(packed)).readAllBytes();
      return new PageFile(contentTypeOf(name), packed, plain);
    } catch (IOException e) {
      throw new UncheckedIOException("the file " + name + " of the web pages cannot be read", e);
    }
  }

  /** Answers a request: compressed where the client takes that, or that it has it already. */
  Response response(Exchange exchange) {
    List<Header> headers = new ArrayList<>(HEADERS);
    headers.add(new Header("etag", etag));
    if (has(exchange.headers().getAll(HttpHeaderNames.IF_NONE_MATCH))) {
      return new Response(304, "", Optional.empty(), headers, Unpooled.EMPTY_BUFFER);
    }
    boolean compressed = takesGzip(exchange.headers().getAll(HttpHeaderNames.ACCEPT_ENCODING));
    if (compressed) {
      headers.add(new Header("content-encoding", "gzip"));
    }
    return new Response(
        200,
        "",
        Optional.of(contentType),
        headers,
        Unpooled.wrappedBuffer(compressed ? packed : plain));
  }

  private boolean has(List<String> ifNoneMatch) {
    return ifNoneMatch.stream()
        .flatMap(value -> List.of(value.split(",", -1)).stream())
        .map(String::trim)
        .anyMatch(tag -> tag.equals(etag) || tag.equals("W/" + etag) || tag.equals("*"));
  }

  private static boolean takesGzip(List<String> acceptEncoding) {
    return WeightedValue.all(acceptEncoding).stream()
        .anyMatch(coding -> coding.value().equals("gzip") && coding.weight(1) > 0);
  }

  private static String contentTypeOf(String name) {
    return switch (name.substring(name.lastIndexOf('.') + 1)) {
      case "html" -> "text/html; charset=utf-8";
      case "js" -> "text/javascript; charset=utf-8";
      case "css" -> "text/css; charset=utf-8";
      case "txt" -> "text/plain; charset=utf-8";
      case "svg" -> "image/svg+xml";
      default -> throw new IllegalArgumentException("no content type is known for " + name);
    };
  }

  private static String etagOf(byte[] content) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
      return '"' + HexFormat.of().formatHex(digest).substring(0, ETAG_LENGTH) + '"';
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
