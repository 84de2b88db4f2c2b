package org.tsnext.grpc.openinference;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.Map;
import org.tsnext.api.Parameters;
import org.tsnext.api.tensor.Datatype;
import org.tsnext.api.tensor.JsonBytes;
import org.tsnext.api.tensor.RawContents;
import org.tsnext.api.tensor.Shape;
import org.tsnext.api.tensor.TensorException;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.messages.openinference.InferParameter;
import org.tsnext.grpc.messages.openinference.InferTensorContents;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferRequest.InferInputTensor;

/** Requests to the JSON that handlers get, which is that of the protocol over HTTP. */
final class InferRequests {

  /** Of tensors, and of parameters of one thing. */
  private static final int MAX_COUNT = 1024;

  private static final int PER_TENSOR = 256;

  private InferRequests() {}

  /** Whether the contents are raw. */
  static boolean isRaw(ModelInferRequest request) {
    return request.getRawInputContentsCount() > 0;
  }

  /**
   * The request as JSON; the buffer is the caller's to release.
   *
   * @param limit in bytes of JSON
   * @throws ServingException BAD_REQUEST for a tensor that is none, naming it; REQUEST_TOO_LARGE
   */
  static ByteBuf toJson(ModelInferRequest request, int limit) {
    requireCounts(request);
    JsonBytes json = new JsonBytes(expectedSize(request), limit);
    json.plain("{\"id\":").quoted(request.getId());
    json.plain(",\"model_name\":").quoted(request.getModelName());
    if (!request.getModelVersion().isEmpty()) {
      json.plain(",\"model_version\":").quoted(request.getModelVersion());
    }
    writeParameters(request.getParametersMap(), json);
    json.plain(",\"inputs\":[");
    for (int i = 0; i < request.getInputsCount(); i++) {
      InferInputTensor input = request.getInputs(i);
      try {
        writeInput(input, isRaw(request) ? request.getRawInputContents(i) : null, json, i);
      } catch (TensorException e) {
        throw badRequest(
            "Input " + i + " (" + shown(input.getName()) + ") " + e.getMessage() + ".");
      }
    }
    json.plain(']');
    if (request.getOutputsCount() > 0) {
      json.plain(",\"outputs\":").utf8(outputs(request).toString());
    }
    return json.plain('}').toBuffer();
  }

  private static void requireCounts(ModelInferRequest request) {
    requireCount("inputs", request.getInputsCount());
    requireCount("outputs", request.getOutputsCount());
    requireCount("parameters", request.getParametersCount());
    if (isRaw(request) && request.getRawInputContentsCount() != request.getInputsCount()) {
      throw badRequest(
          "There are "
              + request.getRawInputContentsCount()
              + " raw_input_contents, expected one for each of the "
              + request.getInputsCount()
              + " inputs.");
    }
  }

  private static void requireCount(String what, int count) {
    if (count > MAX_COUNT) {
      throw badRequest("There are " + count + " " + what + ", expected at most " + MAX_COUNT + ".");
    }
  }

  /** About how many bytes of JSON they become. */
  static long expectedSize(ModelInferRequest request) {
    long bytes = PER_TENSOR;
    for (InferInputTensor input : request.getInputsList()) {
      bytes += PER_TENSOR + 3L * input.getContents().getSerializedSize();
    }
    for (ByteString raw : request.getRawInputContentsList()) {
      bytes += RawContents.expectedJson(raw.size());
    }
    return bytes;
  }

  /**
   * @param raw contents of the input; null if it has typed ones
   */
  private static void writeInput(InferInputTensor input, ByteString raw, JsonBytes json, int index)
      throws TensorException {
    Datatype type =
        Datatype.of(input.getDatatype())
            .orElseThrow(
                () ->
                    new TensorException(
                        "has the datatype "
                            + shown(input.getDatatype())
                            + ", expected one of "
                            + Datatype.names()));
    requireCount("parameters of input " + index, input.getParametersCount());
    long count = Shape.count(input.getShapeList());
    ByteBuffer contents = raw == null ? typed(type, input, count) : raw(type, input, raw, count);
    json.plain(index == 0 ? "{\"name\":" : ",{\"name\":").quoted(input.getName());
    json.plain(",\"shape\":").plain(input.getShapeList().toString());
    json.plain(",\"datatype\":\"").plain(type.name()).plain('"');
    writeParameters(input.getParametersMap(), json);
    json.plain(",\"data\":");
    RawContents.write(type, contents, json, RawContents.BytesForm.BASE64);
    json.plain('}');
  }

  private static ByteBuffer raw(Datatype type, InferInputTensor input, ByteString raw, long count)
      throws TensorException {
    if (TypedContents.count(input.getContents()) > 0) {
      throw new TensorException("has both contents and raw contents, expected one of them");
    }
    ByteBuffer contents = raw.asReadOnlyByteBuffer();
    RawContents.check(type, contents, count);
    return contents;
  }

  private static ByteBuffer typed(Datatype type, InferInputTensor input, long count)
      throws TensorException {
    InferTensorContents contents = input.getContents();
    int given = TypedContents.count(type, contents);
    if (given != count || TypedContents.count(contents) != given) {
      throw new TensorException(
          "has "
              + given
              + " elements in "
              + TypedContents.field(type)
              + " and "
              + (TypedContents.count(contents) - given)
              + " in other contents, expected "
              + count
              + " there, as shape and datatype "
              + type
              + " say");
    }
    return TypedContents.toRaw(type, contents);
  }

  private static void writeParameters(Map<String, InferParameter> parameters, JsonBytes json) {
    if (!parameters.isEmpty()) {
      json.plain(",\"parameters\":").utf8(InferParameters.toJson(parameters).toString());
    }
  }

  private static JsonArray outputs(ModelInferRequest request) {
    JsonArray outputs = new JsonArray();
    for (ModelInferRequest.InferRequestedOutputTensor output : request.getOutputsList()) {
      JsonObject json = new JsonObject();
      json.addProperty("name", output.getName());
      if (output.getParametersCount() > 0) {
        json.add("parameters", InferParameters.toJson(output.getParametersMap()));
      }
      outputs.add(json);
    }
    return outputs;
  }

  private static String shown(String text) {
    return '"' + Parameters.shown(text) + '"';
  }

  private static ServingException badRequest(String message) {
    return new ServingException(ErrorKind.BAD_REQUEST, message);
  }
}
