package org.tsnext.api.tensor;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * What a handler responded to a request of the Open Inference Protocol, in the JSON of it.
 *
 * @param id and the two names are empty where the handler says none
 */
public record TensorResponse(
    String id,
    String modelName,
    String modelVersion,
    JsonObject parameters,
    List<OutputTensor> outputs) {

  public TensorResponse {
    outputs = List.copyOf(outputs);
  }

  /**
   * Reads the response of a handler.
   *
   * @param body not released
   * @throws ServingException INTERNAL if it is no response of this protocol
   */
  public static TensorResponse read(ByteBuf body) {
    Reading response = new Reading();
    try (JsonReader json =
        new JsonReader(
            new InputStreamReader(
                new ByteBufInputStream(body.duplicate()), StandardCharsets.UTF_8))) {
      json.setStrictness(Strictness.LENIENT);
      response.read(json);
    } catch (TensorException e) {
      throw malformed(e.getMessage());
    } catch (IOException | JsonParseException | IllegalStateException e) {
      // No JSON; what is in the parser's words stays out, as it may quote the answer.
      throw malformed("it is not a JSON object");
    }
    return response.done();
  }

  /**
   * The outputs that a client asked for, in its order.
   *
   * @param names empty for all outputs
   * @throws ServingException BAD_REQUEST if there is no output of a name
   */
  public List<OutputTensor> wanted(Set<String> names) {
    if (names.isEmpty()) {
      return outputs;
    }
    Map<String, OutputTensor> byName = new LinkedHashMap<>();
    outputs.forEach(output -> byName.putIfAbsent(output.name(), output));
    for (String name : names) {
      if (!byName.containsKey(name)) {
        throw new ServingException(
            ErrorKind.BAD_REQUEST,
            "The model has no output \"" + name + "\", but " + byName.keySet() + ".");
      }
    }
    return names.stream().map(byName::get).toList();
  }

  private static ServingException malformed(String why) {
    return new ServingException(
            ErrorKind.INTERNAL,
            "The response of the handler does not follow the Open Inference Protocol: " + why + ".")
        .withDetail(
            "Expected a JSON object with outputs of name, datatype, shape and data, as the envelope"
                + " kservev2 makes it (service_envelope).");
  }

  /** What is known of a response so far. */
  private static final class Reading {
    private String id = "";
    private String modelName = "";
    private String modelVersion = "";
    private JsonObject parameters = new JsonObject();
    private List<OutputTensor> outputs;

    void read(JsonReader json) throws IOException, TensorException {
      json.beginObject();
      while (json.hasNext()) {
        switch (json.nextName()) {
          case "id" -> id = text(json, id);
          case "model_name" -> modelName = text(json, modelName);
          case "model_version" -> modelVersion = text(json, modelVersion);
          case "parameters" -> {
            if (JsonParser.parseReader(json) instanceof JsonObject object) {
              parameters = object;
            }
          }
          case "outputs" -> outputs = readOutputs(json);
          default -> json.skipValue();
        }
      }
      json.endObject();
    }

    /** What is null, empty or no text does not replace what was there. */
    private static String text(JsonReader json, String before) throws IOException {
      JsonToken token = json.peek();
      if (token != JsonToken.STRING && token != JsonToken.NUMBER) {
        json.skipValue();
        return before;
      }
      String text = json.nextString();
      return text.isEmpty() ? before : text;
    }

    private static List<OutputTensor> readOutputs(JsonReader json)
        throws IOException, TensorException {
      if (json.peek() != JsonToken.BEGIN_ARRAY) {
        throw new TensorException("its outputs are no array");
      }
      List<OutputTensor> outputs = new ArrayList<>();
      json.beginArray();
      while (json.hasNext()) {
        try {
          outputs.add(OutputTensor.read(json));
        } catch (TensorException e) {
          throw new TensorException("output " + outputs.size() + " " + e.getMessage());
        }
      }
      json.endArray();
      return outputs;
    }

    TensorResponse done() {
      if (outputs == null) {
        throw malformed("it has no outputs");
      }
      return new TensorResponse(id, modelName, modelVersion, parameters, outputs);
    }
  }
}
