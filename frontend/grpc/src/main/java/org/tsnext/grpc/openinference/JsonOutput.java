package org.tsnext.grpc.openinference;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.grpc.messages.openinference.ModelInferResponse.InferOutputTensor;

/**
 * One tensor of a handler's answer.
 *
 * @param head all but its contents
 */
record JsonOutput(InferOutputTensor head, Datatype type, ByteString raw) {

  /**
   * Reads the object that is next. Its members may have any order.
   *
   * @throws TensorException if it is no tensor
   * @throws IOException if it is no JSON
   */
  static JsonOutput read(JsonReader json) throws IOException, TensorException {
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
    private final InferOutputTensor.Builder head = InferOutputTensor.newBuilder();
    private List<Long> shape;
    private Datatype type;
    private JsonTensor data;

    /** Data that came before the datatype. */
    private JsonElement early;

    void member(String name, JsonReader json) throws IOException, TensorException {
      switch (name) {
        case "name" -> head.setName(text(name, json));
        case "datatype" -> datatype(text(name, json));
        case "shape" -> shape = shape(json);
        case "parameters" -> {
          JsonElement parameters = JsonParser.parseReader(json);
          if (parameters instanceof JsonObject object) {
            head.putAllParameters(InferParameters.ofJson(object));
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

    private void datatype(String name) throws IOException, TensorException {
      type =
          Datatype.of(name)
              .orElseThrow(
                  () ->
                      new TensorException(
                          "has the datatype " + name + ", expected one of " + Datatype.names()));
      head.setDatatype(name);
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

    JsonOutput done() throws TensorException {
      require("name", !head.getName().isEmpty());
      require("datatype", type != null);
      require("shape", shape != null);
      require("data", data != null);
      long count = Shape.count(shape);
      if (data.count() != count) {
        throw new TensorException(
            "has " + data.count() + " elements, expected " + count + " by its shape " + shape);
      }
      return new JsonOutput(head.addAllShape(shape).build(), type, data.raw());
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
