package org.tsnext.grpc.openinference;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import org.tsnext.core.request.BoundedNumber;
import org.tsnext.grpc.messages.openinference.InferParameter;

/** The parameters of requests, tensors and answers, to JSON and back. */
final class InferParameters {

  private InferParameters() {}

  static JsonObject toJson(Map<String, InferParameter> parameters) {
    JsonObject json = new JsonObject();
    parameters.forEach((name, value) -> json.add(name, toJson(value)));
    return json;
  }

  private static JsonElement toJson(InferParameter value) {
    return switch (value.getParameterChoiceCase()) {
      case BOOL_PARAM -> new JsonPrimitive(value.getBoolParam());
      case INT64_PARAM -> new JsonPrimitive(value.getInt64Param());
      case STRING_PARAM -> new JsonPrimitive(value.getStringParam());
      case PARAMETERCHOICE_NOT_SET -> JsonNull.INSTANCE;
    };
  }

  /** What has no form of its own becomes its text: broken numbers, lists, objects. */
  static Map<String, InferParameter> ofJson(JsonObject json) {
    Map<String, InferParameter> parameters = new LinkedHashMap<>();
    json.asMap()
        .forEach(
            (name, value) -> {
              if (!value.isJsonNull()) {
                parameters.put(name, ofJson(value));
              }
            });
    return parameters;
  }

  private static InferParameter ofJson(JsonElement value) {
    InferParameter.Builder parameter = InferParameter.newBuilder();
    if (!value.isJsonPrimitive()) {
      return parameter.setStringParam(value.toString()).build();
    }
    JsonPrimitive primitive = value.getAsJsonPrimitive();
    if (primitive.isBoolean()) {
      return parameter.setBoolParam(primitive.getAsBoolean()).build();
    }
    if (primitive.isNumber()) {
      OptionalLong whole = BoundedNumber.exact(primitive.getAsString());
      if (whole.isPresent()) {
        return parameter.setInt64Param(whole.getAsLong()).build();
      }
      // No integer of 64 bits; its text says it.
    }
    return parameter.setStringParam(primitive.getAsString()).build();
  }
}
