package org.tsnext.grpc.openinference;

import com.google.gson.JsonElement;
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
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;

/** The JSON that handlers answer to responses, in the form that the request had. */
final class InferResponses {

  private final ResponseForm form;
  private final ModelInferResponse.Builder response;
  private List<JsonOutput> outputs;

  private InferResponses(ResponseForm form) {
    this.form = form;
    this.response =
        ModelInferResponse.newBuilder()
            .setModelName(form.modelName())
            .setModelVersion(form.modelVersion())
            .setId(form.id());
  }

  /**
   * The response.
   *
   * @param body what the handler answered; not released
   * @throws ServingException INTERNAL if it is no answer of this protocol; BAD_REQUEST if it has no
   *     output that the client asked for
   */
  static ModelInferResponse toResponse(ResponseForm form, ByteBuf body) {
    InferResponses response = new InferResponses(form);
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

  private void read(JsonReader json) throws IOException, TensorException {
    json.beginObject();
    while (json.hasNext()) {
      String name = json.nextName();
      switch (name) {
        case "id", "model_name", "model_version" -> readText(name, json);
        case "parameters" -> {
          JsonElement parameters = JsonParser.parseReader(json);
          if (parameters instanceof JsonObject object) {
            response.putAllParameters(InferParameters.ofJson(object));
          }
        }
        case "outputs" -> outputs = readOutputs(json);
        default -> json.skipValue();
      }
    }
    json.endObject();
  }

  /** What is null or empty does not replace what the request says. */
  private void readText(String name, JsonReader json) throws IOException {
    JsonToken token = json.peek();
    if (token != JsonToken.STRING && token != JsonToken.NUMBER) {
      json.skipValue();
      return;
    }
    String text = json.nextString();
    if (text.isEmpty()) {
      return;
    }
    switch (name) {
      case "id" -> response.setId(text);
      case "model_name" -> response.setModelName(text);
      default -> response.setModelVersion(text);
    }
  }

  private static List<JsonOutput> readOutputs(JsonReader json) throws IOException, TensorException {
    if (json.peek() != JsonToken.BEGIN_ARRAY) {
      throw new TensorException("its outputs are no array");
    }
    List<JsonOutput> outputs = new ArrayList<>();
    json.beginArray();
    while (json.hasNext()) {
      try {
        outputs.add(JsonOutput.read(json));
      } catch (TensorException e) {
        throw new TensorException("output " + outputs.size() + " " + e.getMessage());
      }
    }
    json.endArray();
    return outputs;
  }

  private ModelInferResponse done() {
    if (outputs == null) {
      throw malformed("it has no outputs");
    }
    List<JsonOutput> sent = form.wanted().isEmpty() ? outputs : wantedOutputs();
    // All outputs have one form, and some datatypes only one.
    boolean sendRaw = form.raw() || sent.stream().anyMatch(output -> output.type().onlyRaw());
    for (JsonOutput output : sent) {
      if (sendRaw) {
        response.addOutputs(output.head());
        response.addRawOutputContents(output.raw());
      } else {
        response.addOutputs(
            output.head().toBuilder()
                .setContents(TypedContents.ofRaw(output.type(), output.raw())));
      }
    }
    return response.build();
  }

  private List<JsonOutput> wantedOutputs() {
    Map<String, JsonOutput> byName = new LinkedHashMap<>();
    outputs.forEach(output -> byName.putIfAbsent(output.head().getName(), output));
    for (String name : form.wanted()) {
      if (!byName.containsKey(name)) {
        throw new ServingException(
            ErrorKind.BAD_REQUEST,
            "The model has no output \"" + name + "\", but " + byName.keySet() + ".");
      }
    }
    return form.wanted().stream().map(byName::get).toList();
  }

  private static ServingException malformed(String why) {
    return new ServingException(
            ErrorKind.INTERNAL,
            "The response of the handler does not follow the Open Inference Protocol: " + why + ".")
        .withDetail(
            "Expected a JSON object with outputs of name, datatype, shape and data, as the envelope"
                + " kservev2 makes it (service_envelope).");
  }
}
