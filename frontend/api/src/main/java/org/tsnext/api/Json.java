package org.tsnext.api;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/** The JSON style of all answers: two spaces, no HTML escapes. */
public final class Json {

  private static final Gson PRETTY =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  private static final Gson WITH_NULLS = PRETTY.newBuilder().serializeNulls().create();

  private Json() {}

  /** Without a line feed at the end. Null members are left out. */
  public static String text(JsonElement json) {
    return PRETTY.toJson(json);
  }

  /** As {@link #text}, for clients that expect every member. */
  public static String textWithNulls(JsonElement json) {
    return WITH_NULLS.toJson(json);
  }

  /** {@code {"status": text}}. */
  public static JsonObject status(String text) {
    JsonObject json = new JsonObject();
    json.addProperty("status", text);
    return json;
  }
}
