package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.tracing.ServerTiming;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.StreamForm;

/**
 * Where the client of a stream reads an error that comes after the first part: as the last part, if
 * the content type has a form for it; as a trailer, if the client takes trailers; otherwise
 * nowhere.
 */
final class StreamEnd {

  /** The trailer. Its value is JSON in ASCII. */
  static final String TRAILER = "ts-error";

  /** In characters; of a longer error the cause in words is left out. */
  private static final int MAX_TRAILER = 4096;

  private static final String TOO_LONG = "{\"error\": {\"code\": %d, \"type\": \"%s\"}}";

  private final StreamForm form;
  private final boolean trailers;
  private final boolean times;
  private int lastByte = '\n';

  /**
   * @param trailers whether the client takes trailers
   * @param times whether it is to be told the times of its request
   */
  StreamEnd(String contentType, boolean trailers, boolean times) {
    this.form = StreamForm.of(contentType);
    this.trailers = trailers && form == StreamForm.OTHER;
    this.times = trailers && times;
  }

  /** Whether the times come as a trailer. */
  boolean tellsTimes() {
    return times;
  }

  /** Whether a client has said so in its header {@code TE}. */
  static boolean takesTrailers(HttpHeaders headers) {
    return headers.containsValue(HttpHeaderNames.TE, HttpHeaderValues.TRAILERS, true);
  }

  /** The headers of a stream, with the announcement of a trailer where there may be one. */
  List<Header> announced(List<Header> headers) {
    if (!trailers && !times) {
      return headers;
    }
    List<String> names = new ArrayList<>(2);
    if (trailers) {
      names.add(TRAILER);
    }
    if (times) {
      names.add(ServerTiming.HEADER);
    }
    List<Header> more = new ArrayList<>(headers);
    more.add(new Header("trailer", String.join(", ", names)));
    return more;
  }

  /** Notes a part that is sent; it is not empty. */
  void wrote(ByteBuf part) {
    lastByte = part.getByte(part.writerIndex() - 1);
  }

  /** The last part, which tells the error; empty if there is no form for it. */
  Optional<String> lastPart(ErrorRenderer errors, ServingException error, String path) {
    return errors.cutsStreams()
        ? Optional.empty()
        : form.lastPart(errors.wrapped(error, path), lastByte);
  }

  /** The trailers that tell the error; none if the client takes none. */
  List<Header> trailers(ErrorRenderer errors, ServingException error, String path) {
    if (!trailers || errors.cutsStreams()) {
      return List.of();
    }
    String text = ascii(errors.wrapped(error, path).toString());
    return List.of(
        new Header(
            TRAILER,
            text.length() <= MAX_TRAILER
                ? text
                : TOO_LONG.formatted(error.httpStatus(), error.type())));
  }

  /** JSON whose characters outside of ASCII, which stand in texts only, are escaped. */
  private static String ascii(String json) {
    StringBuilder text = new StringBuilder(json.length());
    for (int i = 0; i < json.length(); i++) {
      char c = json.charAt(i);
      if (c >= ' ' && c <= '~') {
        text.append(c);
      } else {
        text.append("\\u%04x".formatted((int) c));
      }
    }
    return text.toString();
  }
}
