package org.tsnext.http.management;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.BoundedNumber;

/**
 * Parameters of a JSON object, read leniently: single quotes, numbers as strings. Members with the
 * value null count as not given, unknown members are ignored, wrong types are errors.
 */
record JsonParameters(JsonObject json) implements Parameters {

  private static final int MAX_REASON = 200;

  /**
   * Reads a body; does not release it.
   *
   * @throws ServingException BAD_REQUEST if it is not a JSON object
   */
  static JsonParameters parse(ByteBuf body) {
    try (Reader text =
            new InputStreamReader(
                new ByteBufInputStream(body.duplicate()), StandardCharsets.UTF_8);
        JsonReader reader = new JsonReader(text)) {
      reader.setStrictness(Strictness.LENIENT);
      JsonElement json = JsonParser.parseReader(reader);
      if (!json.isJsonObject()) {
        throw malformed("expected an object");
      }
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw malformed("something follows the object");
      }
      return new JsonParameters(json.getAsJsonObject());
    } catch (JsonParseException | IOException e) {
      // The cause says it without the name of a Java class in front, and with a path of the
      // client's own words behind, which has no limit.
      String reason = (e.getCause() == null ? e : e.getCause()).getMessage();
      throw malformed(
          reason.length() > MAX_REASON ? reason.substring(0, MAX_REASON) + "..." : reason);
    }
  }

  @Override
  public Optional<String> text(String name) {
    return primitive(name, "a string").map(JsonPrimitive::getAsString).filter(s -> !s.isEmpty());
  }

  @Override
  public OptionalInt integer(String name) {
    Optional<JsonPrimitive> value = primitive(name, "an integer");
    if (value.isEmpty()) {
      return OptionalInt.empty();
    }
    OptionalLong number = BoundedNumber.exact(value.get().getAsString().trim());
    if (number.isEmpty() || number.getAsLong() != (int) number.getAsLong()) {
      throw Parameters.unexpected(name, value.get().toString(), "an integer of 32 bits");
    }
    return OptionalInt.of((int) number.getAsLong());
  }

  @Override
  public Optional<Boolean> flag(String name) {
    Optional<JsonPrimitive> value = primitive(name, "true or false");
    if (value.isEmpty()) {
      return Optional.empty();
    }
    String text = value.get().getAsString();
    if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
      throw Parameters.unexpected(name, value.get().toString(), "true or false");
    }
    return Optional.of(Boolean.parseBoolean(text));
  }

  private Optional<JsonPrimitive> primitive(String name, String expected) {
    JsonElement value = json.get(name);
    if (value == null || value.isJsonNull()) {
      return Optional.empty();
    }
    if (!value.isJsonPrimitive()) {
      throw Parameters.unexpected(name, value.toString(), expected);
    }
    return Optional.of(value.getAsJsonPrimitive());
  }

  private static ServingException malformed(String reason) {
    return new ServingException(
        ErrorKind.BAD_REQUEST, "The request body is not valid JSON: " + reason + ".");
  }
}
