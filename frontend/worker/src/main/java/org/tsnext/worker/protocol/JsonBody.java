package org.tsnext.worker.protocol;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.request.BoundedNumber;

/** The fields of a cold message. Its size was checked when its frames were put together. */
final class JsonBody {

  private static final TypeAdapter<JsonElement> ELEMENTS = new Gson().getAdapter(JsonElement.class);

  private final FrameType type;
  private final JsonObject fields;

  private JsonBody(FrameType type, JsonObject fields) {
    this.type = type;
    this.fields = fields;
  }

  /** Parses a body, which stays the caller's. */
  static JsonBody parse(FrameType type, ByteBuf body) throws ProtocolException {
    if (!ByteBufUtil.isText(body, StandardCharsets.UTF_8)) {
      throw new ProtocolException(type + " is not UTF-8");
    }
    try {
      JsonReader reader = new JsonReader(new StringReader(body.toString(StandardCharsets.UTF_8)));
      reader.setStrictness(Strictness.STRICT);
      JsonElement element = ELEMENTS.read(reader);
      if (!element.isJsonObject() || reader.peek() != JsonToken.END_DOCUMENT) {
        throw new ProtocolException(type + " is not one JSON object");
      }
      return new JsonBody(type, element.getAsJsonObject());
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw new ProtocolException(type + " is not JSON: " + e.getMessage());
    }
  }

  String text(String name) throws ProtocolException {
    return optionalText(name).orElseThrow(() -> missing(name, "a string"));
  }

  Optional<String> optionalText(String name) throws ProtocolException {
    Optional<JsonPrimitive> value = primitive(name, "a string");
    if (value.isPresent() && !value.get().isString()) {
      throw missing(name, "a string");
    }
    return value.map(JsonPrimitive::getAsString);
  }

  long number(String name) throws ProtocolException {
    return optionalNumber(name).orElseThrow(() -> missing(name, "an integer"));
  }

  OptionalLong optionalNumber(String name) throws ProtocolException {
    Optional<JsonPrimitive> value = primitive(name, "an integer");
    if (value.isEmpty()) {
      return OptionalLong.empty();
    }
    String digits = value.get().isNumber() ? value.get().getAsString() : "";
    OptionalLong number = BoundedNumber.whole(digits);
    if (number.isEmpty()) {
      throw missing(name, "an integer");
    }
    return number;
  }

  /** A list of texts; empty if it is absent. */
  List<String> texts(String name) throws ProtocolException {
    JsonElement value = fields.get(name);
    if (value == null || value.isJsonNull()) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    for (JsonElement element : value.isJsonArray() ? value.getAsJsonArray() : List.of(value)) {
      if (!element.isJsonPrimitive() || !element.getAsJsonPrimitive().isString()) {
        throw missing(name, "a list of strings");
      }
      texts.add(element.getAsString());
    }
    return texts;
  }

  /** A list of whole numbers, at most so many; empty if it is absent. */
  List<Long> numbers(String name, int most) throws ProtocolException {
    JsonElement value = fields.get(name);
    if (value == null || value.isJsonNull()) {
      return List.of();
    }
    String expected = "a list of at most " + most + " whole numbers";
    if (!value.isJsonArray() || value.getAsJsonArray().size() > most) {
      throw missing(name, expected);
    }
    List<Long> numbers = new ArrayList<>();
    for (JsonElement element : value.getAsJsonArray()) {
      boolean number = element.isJsonPrimitive() && element.getAsJsonPrimitive().isNumber();
      numbers.add(
          BoundedNumber.whole(number ? element.getAsString() : "")
              .orElseThrow(() -> missing(name, expected)));
    }
    return numbers;
  }

  boolean flag(String name) throws ProtocolException {
    Optional<JsonPrimitive> value = primitive(name, "true or false");
    if (value.isEmpty() || !value.get().isBoolean()) {
      throw missing(name, "true or false");
    }
    return value.get().getAsBoolean();
  }

  /** False if it is absent. */
  boolean optionalFlag(String name) throws ProtocolException {
    JsonElement value = fields.get(name);
    return value != null && !value.isJsonNull() && flag(name);
  }

  private Optional<JsonPrimitive> primitive(String name, String expected) throws ProtocolException {
    JsonElement value = fields.get(name);
    if (value == null || value.isJsonNull()) {
      return Optional.empty();
    }
    if (!value.isJsonPrimitive()) {
      throw missing(name, expected);
    }
    return Optional.of(value.getAsJsonPrimitive());
  }

  private ProtocolException missing(String name, String expected) {
    JsonElement value = fields.get(name);
    String shown =
        value == null ? "absent" : value.isJsonPrimitive() ? value.toString() : "not a value";
    return new ProtocolException(
        "%s of %s is %s, expected %s"
            .formatted(name, type, shown.length() > 40 ? shown.substring(0, 40) : shown, expected));
  }
}
