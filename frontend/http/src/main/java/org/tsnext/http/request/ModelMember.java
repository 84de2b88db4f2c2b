package org.tsnext.http.request;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Finds the member {@code model} of a JSON object without making a tree of it: what comes before is
 * skipped, and what comes after is not read. In linear time.
 */
public final class ModelMember {

  /** Characters of a place in the body; it has the client's own words. */
  private static final int MAX_PLACE = 100;

  private static final String NAME = "model";
  private static final String EXPECTED =
      ", expected a JSON object with the name of a model as model.";

  private ModelMember() {}

  /**
   * The name that a body has.
   *
   * @param body in UTF-8; not released
   * @throws ServingException BAD_REQUEST if it has none, or is no JSON object up to there
   */
  public static String of(ByteBuf body) {
    if (!body.isReadable()) {
      throw refusal("The body is empty" + EXPECTED);
    }
    JsonReader json =
        new JsonReader(
            new InputStreamReader(
                new ByteBufInputStream(body.duplicate()), StandardCharsets.UTF_8.newDecoder()));
    json.setStrictness(Strictness.STRICT);
    try {
      return read(json);
    } catch (CharacterCodingException e) {
      throw refusal("The body is not text in UTF-8" + EXPECTED);
    } catch (IOException | IllegalStateException e) {
      throw refusal("The body is not JSON" + EXPECTED)
          .withDetail("It cannot be read at " + place(json.getPath()) + ".");
    }
  }

  private static String place(String path) {
    return path.length() > MAX_PLACE ? path.substring(0, MAX_PLACE) + "..." : path;
  }

  private static String read(JsonReader json) throws IOException {
    if (json.peek() != JsonToken.BEGIN_OBJECT) {
      throw refusal("The body is a JSON " + shown(json.peek()) + EXPECTED);
    }
    json.beginObject();
    while (json.hasNext()) {
      if (json.nextName().equals(NAME)) {
        if (json.peek() != JsonToken.STRING) {
          throw refusal(
              "model is a JSON " + shown(json.peek()) + ", expected the name of a model.");
        }
        String name = json.nextString();
        if (name.isEmpty()) {
          throw refusal("model is empty, expected the name of a model.");
        }
        return name;
      }
      json.skipValue();
    }
    json.endObject();
    throw refusal("The body has no member model, expected the name of a model.");
  }

  private static String shown(JsonToken token) {
    return switch (token) {
      case BEGIN_ARRAY, END_ARRAY -> "list";
      case BEGIN_OBJECT, END_OBJECT, NAME -> "object";
      case STRING -> "text";
      case NUMBER -> "number";
      case BOOLEAN -> "boolean";
      case NULL -> "null";
      case END_DOCUMENT -> "document without a value";
    };
  }

  private static ServingException refusal(String message) {
    return new ServingException(ErrorKind.BAD_REQUEST, message);
  }
}
