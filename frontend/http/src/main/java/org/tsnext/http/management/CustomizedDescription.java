package org.tsnext.http.management;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.connection.LoopSink;
import org.tsnext.http.response.HandlerHeaders;
import org.tsnext.http.response.Json;
import org.tsnext.http.response.Response;

/** Adds what a handler says about itself to the description of its model. */
final class CustomizedDescription extends LoopSink {

  private static final int MAX_OCTETS = 1 << 20;

  private final Exchange exchange;
  private final JsonObject description;
  private final StringBuilder text = new StringBuilder();
  private ResponseHead first;

  CustomizedDescription(Exchange exchange, JsonObject description) {
    super(exchange.loop());
    this.exchange = exchange;
    this.description = description;
  }

  @Override
  protected void onComplete(ResponseHead head, ByteBuf body) {
    collect(head, body);
    answer();
  }

  @Override
  protected void onChunk(ResponseHead head, ByteBuf body) {
    collect(head, body);
  }

  @Override
  protected void onEnd(ByteBuf body) {
    collect(ResponseHead.EMPTY, body);
    answer();
  }

  @Override
  protected void onFail(ServingException error) {
    exchange.fail(error);
  }

  private void collect(ResponseHead head, ByteBuf body) {
    if (first == null) {
      first = head;
    }
    try {
      if (text.length() + body.readableBytes() > MAX_OCTETS) {
        exchange.fail(
            new ServingException(
                ErrorKind.INTERNAL,
                "The handler's description is larger than " + MAX_OCTETS + " octets."));
      } else {
        text.append(body.toString(StandardCharsets.UTF_8));
      }
    } finally {
      body.release();
    }
  }

  private void answer() {
    try {
      metadata().ifPresent(json -> description.add("customizedMetadata", json));
      JsonArray models = new JsonArray();
      models.add(description);
      exchange.send(
          new Response(
              first.status() == 0 ? 200 : first.status(),
              first.reason(),
              Optional.of(contentType()),
              HandlerHeaders.checked(first),
              Json.encode(models)));
    } catch (ServingException e) {
      exchange.fail(e);
    }
  }

  /** The answer is JSON; only a type that the handler set itself is kept instead. */
  private String contentType() {
    boolean own =
        first.headers().stream().map(Header::name).anyMatch("content-type"::equalsIgnoreCase);
    return own ? HandlerHeaders.contentType(first) : Response.APPLICATION_JSON;
  }

  /** Nothing for an empty or null answer, an empty object for one that is not an object. */
  private Optional<JsonElement> metadata() {
    String answer = text.toString().trim();
    if (answer.isEmpty()) {
      return Optional.empty();
    }
    try {
      JsonElement json = JsonParser.parseString(answer);
      if (json.isJsonNull()) {
        return Optional.empty();
      }
      return Optional.of(json.isJsonObject() ? json : new JsonObject());
    } catch (JsonParseException e) {
      return Optional.of(new JsonObject());
    }
  }
}
