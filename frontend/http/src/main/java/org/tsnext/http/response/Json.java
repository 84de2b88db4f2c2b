package org.tsnext.http.response;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;

/** The JSON style of all answers: two spaces, no HTML escapes, one line feed at the end. */
public final class Json {

  private static final Gson PRETTY =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  private Json() {}

  /** Writes in UTF-8; the buffer is the caller's to release. Null members are left out. */
  public static ByteBuf encode(JsonElement json) {
    return Unpooled.wrappedBuffer((PRETTY.toJson(json) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** {@code {"status": text}}. */
  public static JsonObject status(String text) {
    JsonObject json = new JsonObject();
    json.addProperty("status", text);
    return json;
  }
}
