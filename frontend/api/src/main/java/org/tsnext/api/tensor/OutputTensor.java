package org.tsnext.api.tensor;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * One tensor of a handler's response.
 *
 * @param parameters of the tensor, none in most cases
 * @param raw its elements, as the shape says; never changed
 */
public record OutputTensor(
    String name, Datatype type, List<Long> shape, JsonObject parameters, ByteBuffer raw) {

  public OutputTensor {
    shape = List.copyOf(shape);
  }

  /**
   * Reads the object that is next. Its members may have any order.
   *
   * @throws TensorException if it is no tensor
   * @throws IOException if it is no JSON
   */
  static OutputTensor read(JsonReader json) throws IOException, TensorException {
    if (json.peek() != JsonToken.BEGIN_OBJECT) {
      throw new TensorException("is not an object");
    }
    Reading reading = new Reading();
    json.beginObject();
    while (json.hasNext()) {
      reading.member(json.nextName(), json);
    }
    json.endObject();
    return reading.done();
  }

  /** What is known of a tensor so far. */
  private static final class Reading {
    private String name = "";
    private JsonObject parameters = new JsonObject();
    private List<Long> shape;
    private Datatype type;
    private JsonTensor data;

    /** Data that came before the datatype. */
    private JsonElement early;

    void member(String member, JsonReader json) throws IOException, TensorException {
      switch (member) {
        case "name" -> name = text(member, json);
        case "datatype" -> datatype(text(member, json));
        case "shape" -> shape = shape(json);
        case "parameters" -> {
          if (JsonParser.parseReader(json) instanceof JsonObject object) {
            parameters = object;
          }
        }
        case "data" -> {
          if (type == null) {
            early = JsonParser.parseReader(json);
          } else {
            data(json);
          }
        }
        default -> json.skipValue();
      }
    }

    private void datatype(String text) throws IOException, TensorException {
      type =
          Datatype.of(text)
              .orElseThrow(
                  () ->
                      new TensorException(
                          "has the datatype " + text + ", expected one of " + Datatype.names()));
      if (early != null) {
        JsonReader json = new JsonReader(new StringReader(early.toString()));
        json.setStrictness(Strictness.LENIENT);
        data(json);
        early = null;
      }
    }

    private void data(JsonReader json) throws IOException, TensorException {
      data = new JsonTensor(type);
      data.read(json);
    }

    OutputTensor done() throws TensorException {
      require("name", !name.isEmpty());
      require("datatype", type != null);
      require("shape", shape != null);
      require("data", data != null);
      long count = Shape.count(shape);
      if (data.count() != count) {
        throw new TensorException(
            "has " + data.count() + " elements, expected " + count + " by its shape " + shape);
      }
      return new OutputTensor(name, type, shape, parameters, data.raw());
    }

    private static void require(String member, boolean there) throws TensorException {
      if (!there) {
        throw new TensorException("has no " + member);
      }
    }

    private static String text(String member, JsonReader json) throws IOException, TensorException {
      if (json.peek() != JsonToken.STRING) {
        throw new TensorException("has a " + member + " that is not a text");
      }
      return json.nextString();
    }

    private static List<Long> shape(JsonReader json) throws IOException, TensorException {
      List<Long> sizes = new ArrayList<>();
      try {
        json.beginArray();
        while (json.hasNext()) {
          sizes.add(json.nextLong());
        }
        json.endArray();
      } catch (IllegalStateException | NumberFormatException e) {
        throw new TensorException("has a shape that is not a list of numbers");
      }
      return sizes;
    }
  }
}
