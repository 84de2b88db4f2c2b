package org.tsnext.http.tensor;

import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.api.tensor.JsonBytes;
import org.tsnext.api.tensor.OutputTensor;
import org.tsnext.api.tensor.RawContents;
import org.tsnext.api.tensor.TensorResponse;

/**
 * A response with the outputs that its client wants, as binary data where it wants that.
 *
 * @param jsonLength bytes of the body that are JSON
 * @param binary whether an output is binary data
 * @param body the JSON, and then the binary data; the caller's to release
 */
public record BinaryResponse(int jsonLength, boolean binary, ByteBuf body) {

  private static final int EXPECTED_HEAD = 256;

  /**
   * Writes what a handler responded.
   *
   * @param body of the handler, in JSON; not released
   * @throws org.tsnext.core.error.ServingException INTERNAL if it is no response of this protocol;
   *     BAD_REQUEST if it has no output that the client asked for
   */
  public static BinaryResponse of(ByteBuf body, String requestId, BinaryOutputs wanted) {
    TensorResponse response = TensorResponse.read(body);
    List<OutputTensor> outputs = response.wanted(wanted.names());
    List<ByteBuffer> data = new ArrayList<>();
    JsonBytes json = new JsonBytes(EXPECTED_HEAD, Integer.MAX_VALUE - Long.BYTES);
    json.plain('{');
    writeText("id", response.id().isEmpty() ? requestId : response.id(), json);
    writeText("model_name", response.modelName(), json);
    writeText("model_version", response.modelVersion(), json);
    if (response.parameters().size() > 0) {
      json.plain("\"parameters\":").utf8(response.parameters().toString()).plain(',');
    }
    json.plain("\"outputs\":[");
    for (int i = 0; i < outputs.size(); i++) {
      OutputTensor output = outputs.get(i);
      if (i > 0) {
        json.plain(',');
      }
      boolean binary = wanted.isBinary(output.name());
      write(output, binary, json);
      if (binary) {
        data.add(output.raw());
      }
    }
    ByteBuf head = json.plain("]}").toBuffer();
    List<ByteBuf> all = new ArrayList<>(data.size() + 1);
    all.add(head);
    data.forEach(raw -> all.add(Unpooled.wrappedBuffer(raw)));
    return new BinaryResponse(
        head.readableBytes(),
        !data.isEmpty(),
        Unpooled.wrappedBuffer(all.size(), all.toArray(ByteBuf[]::new)));
  }

  private static void write(OutputTensor output, boolean binary, JsonBytes json) {
    json.plain("{\"name\":").quoted(output.name());
    json.plain(",\"datatype\":\"").plain(output.type().name());
    json.plain("\",\"shape\":").plain(output.shape().toString());
    JsonObject parameters = output.parameters();
    if (binary) {
      parameters = parameters.deepCopy();
      parameters.addProperty("binary_data_size", output.raw().remaining());
    }
    if (parameters.size() > 0) {
      json.plain(",\"parameters\":").utf8(parameters.toString());
    }
    if (!binary) {
      json.plain(",\"data\":");
      RawContents.write(output.type(), output.raw(), json, RawContents.BytesForm.TEXT);
    }
    json.plain('}');
  }

  private static void writeText(String name, String text, JsonBytes json) {
    if (!text.isEmpty()) {
      json.quoted(name).plain(':').quoted(text).plain(',');
    }
  }
}
