package org.tsnext.http.response;

import com.google.gson.JsonElement;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.tsnext.api.Json;
import org.tsnext.core.request.Header;

/**
 * An answer that is known as a whole.
 *
 * @param reason phrase of the status line, empty for the standard one
 * @param contentType empty for none
 * @param headers beside those that every answer has
 * @param body released by the sender of the response
 */
public record Response(
    int status, String reason, Optional<String> contentType, List<Header> headers, ByteBuf body) {

  public static final String APPLICATION_JSON = "application/json";

  public Response {
    headers = List.copyOf(headers);
  }

  public static Response json(int status, JsonElement json) {
    return json(status, List.of(), json);
  }

  public static Response json(int status, List<Header> headers, JsonElement json) {
    return new Response(status, "", Optional.of(APPLICATION_JSON), headers, encode(json));
  }

  /** As {@link #json(int, List, JsonElement)}, but members that are null are there. */
  static Response jsonWithNulls(int status, List<Header> headers, JsonElement json) {
    return new Response(
        status, "", Optional.of(APPLICATION_JSON), headers, encode(Json.textWithNulls(json)));
  }

  /** {@code {"status": text}} with status 200. */
  public static Response ok(String text) {
    return json(200, Json.status(text));
  }

  /** In UTF-8, with a line feed at the end; the buffer is the caller's to release. */
  public static ByteBuf encode(JsonElement json) {
    return encode(Json.text(json));
  }

  private static ByteBuf encode(String json) {
    return Unpooled.wrappedBuffer((json + "\n").getBytes(StandardCharsets.UTF_8));
  }

  public static Response noContent(List<Header> headers) {
    return new Response(204, "", Optional.empty(), headers, Unpooled.EMPTY_BUFFER);
  }
}
