package org.tsnext.grpc.openinference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.messages.openinference.InferParameter;
import org.tsnext.grpc.messages.openinference.InferTensorContents;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferRequest.InferInputTensor;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;

/** Tensors of requests to the JSON for handlers, and the JSON of handlers to tensors of answers. */
public final class TensorTest {

  private static final int LIMIT = 1 << 20;

  private static ByteString raw(int bytes, Consumer<ByteBuffer> fill) {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    fill.accept(buffer);
    return ByteString.copyFrom(buffer.flip());
  }

  /** Each datatype at its limits: typed contents (null if there are none), raw ones, JSON. */
  @DataProvider
  Object[][] datatypes() {
    return new Object[][] {
      {
        "BOOL",
        InferTensorContents.newBuilder().addBoolContents(true).addBoolContents(false),
        raw(2, b -> b.put((byte) 1).put((byte) 0)),
        "[true,false]"
      },
      {
        "INT8",
        InferTensorContents.newBuilder().addIntContents(-128).addIntContents(127),
        raw(2, b -> b.put((byte) -128).put((byte) 127)),
        "[-128,127]"
      },
      {
        "INT16",
        InferTensorContents.newBuilder().addIntContents(-32768).addIntContents(32767),
        raw(4, b -> b.putShort((short) -32768).putShort((short) 32767)),
        "[-32768,32767]"
      },
      {
        "INT32",
        InferTensorContents.newBuilder()
            .addIntContents(Integer.MIN_VALUE)
            .addIntContents(Integer.MAX_VALUE),
        raw(8, b -> b.putInt(Integer.MIN_VALUE).putInt(Integer.MAX_VALUE)),
        "[-2147483648,2147483647]"
      },
      {
        "INT64",
        InferTensorContents.newBuilder()
            .addInt64Contents(Long.MIN_VALUE)
            .addInt64Contents(Long.MAX_VALUE),
        raw(16, b -> b.putLong(Long.MIN_VALUE).putLong(Long.MAX_VALUE)),
        "[-9223372036854775808,9223372036854775807]"
      },
      {
        "UINT8",
        InferTensorContents.newBuilder().addUintContents(0).addUintContents(255),
        raw(2, b -> b.put((byte) 0).put((byte) 255)),
        "[0,255]"
      },
      {
        "UINT16",
        InferTensorContents.newBuilder().addUintContents(0).addUintContents(65535),
        raw(4, b -> b.putShort((short) 0).putShort((short) 65535)),
        "[0,65535]"
      },
      {
        "UINT32",
        InferTensorContents.newBuilder().addUintContents(0).addUintContents(-1),
        raw(8, b -> b.putInt(0).putInt(-1)),
        "[0,4294967295]"
      },
      {
        "UINT64",
        InferTensorContents.newBuilder().addUint64Contents(0).addUint64Contents(-1),
        raw(16, b -> b.putLong(0).putLong(-1)),
        "[0,18446744073709551615]"
      },
      {
        "FP16",
        null,
        raw(4, b -> b.putShort((short) 0x3c00).putShort((short) 0xfc00)),
        "[1.0,-Infinity]"
      },
      {
        "BF16",
        null,
        raw(4, b -> b.putShort((short) 0x3f80).putShort((short) 0x7f80)),
        "[1.0,Infinity]"
      },
      {
        "FP32",
        InferTensorContents.newBuilder().addFp32Contents(0.1f).addFp32Contents(Float.NaN),
        raw(8, b -> b.putFloat(0.1f).putFloat(Float.NaN)),
        "[0.1,NaN]"
      },
      {
        "FP64",
        InferTensorContents.newBuilder()
            .addFp64Contents(0.1)
            .addFp64Contents(Double.NEGATIVE_INFINITY),
        raw(16, b -> b.putDouble(0.1).putDouble(Double.NEGATIVE_INFINITY)),
        "[0.1,-Infinity]"
      },
    };
  }

  @Test(dataProvider = "datatypes")
  public void requestsOfBothFormsBecomeTheSameJson(
      String datatype, InferTensorContents.Builder typed, ByteString raw, String json) {
    String expected =
        "{\"id\":\"7\",\"model_name\":\"cats\",\"inputs\":[{\"name\":\"x\",\"shape\":[1, 2],"
            + "\"datatype\":\""
            + datatype
            + "\",\"data\":"
            + json
            + "}]}";
    assertEquals(json(request(datatype, 1, 2).addRawInputContents(raw).build()), expected);
    if (typed != null) {
      assertEquals(json(typed(datatype, typed, 1, 2)), expected);
    }
  }

  @Test(dataProvider = "datatypes")
  public void responsesHaveTheFormOfTheRequest(
      String datatype, InferTensorContents.Builder typed, ByteString raw, String json) {
    String response =
        respond(
            "{\"name\":\"y\",\"datatype\":\""
                + datatype
                + "\",\"shape\":[2],\"data\":"
                + json
                + "}");
    ModelInferResponse ofRaw =
        response(request("INT8", 0).addRawInputContents(ByteString.EMPTY).build(), response);
    assertEquals(ofRaw.getRawOutputContentsList(), List.of(raw));
    assertTrue(!ofRaw.getOutputs(0).hasContents());
    ModelInferResponse ofTyped = response(request("INT8", 0).build(), response);
    if (typed == null) {
      assertEquals(ofTyped.getRawOutputContentsList(), List.of(raw), "it has no typed contents");
    } else {
      assertEquals(ofTyped.getOutputs(0).getContents(), typed.build());
      assertEquals(ofTyped.getRawOutputContentsCount(), 0);
    }
    assertEquals(ofTyped.getOutputs(0).getShapeList(), List.of(2L));
    assertEquals(ofTyped.getOutputs(0).getDatatype(), datatype);
  }

  @Test
  public void oneTensorWithoutTypedContentsMakesAllOfAResponseRaw() {
    ModelInferResponse response =
        response(
            request("INT8", 0).build(),
            respond(
                "{\"name\":\"a\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[5]},"
                    + "{\"name\":\"b\",\"datatype\":\"FP16\",\"shape\":[1],\"data\":[1]}"));
    assertEquals(response.getRawOutputContentsCount(), 2);
    assertEquals(response.getRawOutputContents(0), raw(1, b -> b.put((byte) 5)));
  }

  @Test
  public void bytesReachTheHandlerInBase64AndTextsComeBackAsTheyAre() {
    byte[] bytes = {(byte) 0xff, 0, 'a'};
    String json = "[\"" + Base64.getEncoder().encodeToString(bytes) + "\",\"\"]";
    ByteString raw = raw(11, b -> b.putInt(3).put(bytes).putInt(0));
    InferTensorContents.Builder typed =
        InferTensorContents.newBuilder()
            .addBytesContents(ByteString.copyFrom(bytes))
            .addBytesContents(ByteString.EMPTY);
    assertTrue(json(request("BYTES", 2).addRawInputContents(raw).build()).contains(json));
    assertTrue(json(typed("BYTES", typed, 2)).contains(json));

    String response =
        respond(
            "{\"name\":\"y\",\"datatype\":\"BYTES\",\"shape\":[3],\"data\":[\"hi\",\"ä\",{\"k\":1}]}");
    assertEquals(
        response(request("INT8", 0).build(), response)
            .getOutputs(0)
            .getContents()
            .getBytesContentsList(),
        List.of(
            ByteString.copyFromUtf8("hi"),
            ByteString.copyFromUtf8("ä"),
            ByteString.copyFromUtf8("{\"k\":1}")));
    assertEquals(
        response(request("INT8", 0).addRawInputContents(ByteString.EMPTY).build(), response)
            .getRawOutputContents(0)
            .substring(0, 10),
        raw(10, b -> b.putInt(2).put((byte) 'h').put((byte) 'i').putInt(2)));
  }

  @Test
  public void idVersionParametersAndOutputsReachTheHandler() {
    InferParameter yes = InferParameter.newBuilder().setBoolParam(true).build();
    InferParameter many = InferParameter.newBuilder().setInt64Param(Long.MAX_VALUE).build();
    InferParameter word = InferParameter.newBuilder().setStringParam("\"ä\"").build();
    ModelInferRequest.Builder request = request("INT8", 0).setModelVersion("2.0");
    request.putParameters("many", many);
    request.getInputsBuilder(0).putParameters("yes", yes);
    request.addOutputsBuilder().setName("y").putParameters("word", word);
    request.addOutputsBuilder().setName("z");
    JsonObject json = JsonParser.parseString(json(request.build())).getAsJsonObject();
    assertEquals(json.get("id").getAsString(), "7");
    assertEquals(json.get("model_version").getAsString(), "2.0");
    assertEquals(json.get("parameters").toString(), "{\"many\":9223372036854775807}");
    JsonObject input = json.getAsJsonArray("inputs").get(0).getAsJsonObject();
    assertEquals(input.get("parameters").toString(), "{\"yes\":true}");
    assertEquals(input.get("data"), new JsonArray());
    assertEquals(
        json.get("outputs").toString(),
        "[{\"name\":\"y\",\"parameters\":{\"word\":\"\\\"ä\\\"\"}},{\"name\":\"z\"}]");
  }

  @Test
  public void responsesTakeTheOutputsThatWereAskedForInThatOrder() {
    String response =
        respond(
            "{\"name\":\"a\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[1]},"
                + "{\"name\":\"b\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[2]},"
                + "{\"name\":\"c\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[3]}");
    ModelInferRequest.Builder request = request("INT8", 0);
    request.addOutputsBuilder().setName("c");
    request.addOutputsBuilder().setName("a");
    assertEquals(
        response(request.build(), response).getOutputsList().stream()
            .map(ModelInferResponse.InferOutputTensor::getName)
            .toList(),
        List.of("c", "a"));
    request.addOutputsBuilder().setName("d");
    ServingException missing =
        expectThrows(ServingException.class, () -> response(request.build(), response));
    assertEquals(missing.kind(), ErrorKind.BAD_REQUEST);
    assertEquals(missing.getMessage(), "The model has no output \"d\", but [a, b, c].");
  }

  @Test
  public void responsesSayWhatTheHandlerSaysOrElseTheRequest() {
    ModelInferRequest request = request("INT8", 0).build();
    ModelInferResponse said =
        response(
            request,
            "{\"parameters\":{\"a\":true,\"b\":3,\"c\":0.5,\"d\":null,\"e\":[1]},\"outputs\":[],"
                + "\"id\":\"9\",\"model_name\":\"dogs\",\"model_version\":\"1.0\",\"more\":{\"x\":[]}}");
    assertEquals(said.getId(), "9");
    assertEquals(said.getModelName(), "dogs");
    assertEquals(said.getModelVersion(), "1.0");
    assertEquals(said.getParametersMap().keySet().toString(), "[a, b, c, e]");
    assertTrue(said.getParametersOrThrow("a").getBoolParam());
    assertEquals(said.getParametersOrThrow("b").getInt64Param(), 3);
    assertEquals(said.getParametersOrThrow("c").getStringParam(), "0.5");
    ModelInferResponse silent = response(request, "{\"outputs\":[],\"id\":null}");
    assertEquals(silent.getId(), "7");
    assertEquals(silent.getModelName(), "cats");
    assertEquals(
        response(request.toBuilder().clearId().build(), "{\"outputs\":[]}").getId(), "request-id");
  }

  @Test
  public void membersOfAnOutputMayHaveAnyOrderAndDataMayBeNested() {
    ModelInferResponse response =
        response(
            request("INT8", 0).build(),
            respond(
                "{\"data\":[[1.0,NaN],[-Infinity,2]],\"shape\":[2,2],\"parameters\":{\"p\":1},"
                    + "\"datatype\":\"FP64\",\"name\":\"y\"}"));
    assertEquals(
        response.getOutputs(0).getContents().getFp64ContentsList(),
        List.of(1.0, Double.NaN, Double.NEGATIVE_INFINITY, 2.0));
    assertEquals(response.getOutputs(0).getParametersOrThrow("p").getInt64Param(), 1);
  }

  @Test
  public void integersMayBeWrittenAsBrokenNumbers() {
    assertEquals(
        response(
                request("INT8", 0).build(),
                respond(
                    "{\"name\":\"y\",\"datatype\":\"UINT64\",\"shape\":[4],"
                        + "\"data\":[1.0,1e3,18446744073709551615,0e-999999999]}"))
            .getOutputs(0)
            .getContents()
            .getUint64ContentsList(),
        List.of(1L, 1000L, -1L, 0L));
  }

  /** Requests that are refused, and words of the reason. */
  @DataProvider
  Object[][] wrongRequests() {
    InferTensorContents.Builder two =
        InferTensorContents.newBuilder().addIntContents(1).addIntContents(2);
    ByteString none = ByteString.EMPTY;
    return new Object[][] {
      {typed("FLOAT", two, 2), "has the datatype \"FLOAT\", expected one of BOOL, INT8,"},
      {typed("INT8", two, 3), "has 2 elements in int_contents and 0 in other contents, expected 3"},
      {
        typed("FP32", two, 2), "has 0 elements in fp32_contents and 2 in other contents, expected 2"
      },
      {typed("FP16", two, 2), "has 0 elements in raw_input_contents and 2 in other contents"},
      {typed("INT8", two, 1, -2), "has the shape [1, -2], expected no negative size"},
      {typed("INT8", two, 1L << 40, 1L << 40), "expected at most 2147483647 elements"},
      {
        typed("INT8", InferTensorContents.newBuilder().addIntContents(128), 1),
        "has the element 128, expected -128 to 127 for INT8"
      },
      {
        typed("UINT8", InferTensorContents.newBuilder().addUintContents(-1), 1),
        "has the element 4294967295, expected 0 to 255 for UINT8"
      },
      {
        request("INT32", 2).addRawInputContents(raw(7, b -> b.putInt(1).put(new byte[3]))).build(),
        "has 7 raw bytes, expected 8: 2 elements of 4 bytes"
      },
      {
        typed("INT8", two, 2).toBuilder()
            .addRawInputContents(raw(2, b -> b.putShort((short) 0)))
            .build(),
        "has both contents and raw contents"
      },
      {
        request("INT8", 0).addRawInputContents(none).addRawInputContents(none).build(),
        "There are 2 raw_input_contents, expected one for each of the 1 inputs."
      },
      {
        request("BYTES", 1).addRawInputContents(raw(5, b -> b.putInt(2).put((byte) 0))).build(),
        "element 0 is cut"
      },
      {
        request("BYTES", 1).addRawInputContents(raw(4, b -> b.putInt(-1))).build(),
        "element 0 is cut"
      },
      {
        request("BYTES", 1).addRawInputContents(raw(6, b -> b.putInt(0).put(new byte[2]))).build(),
        "element 1 is cut"
      },
      {
        request("BYTES", 2).addRawInputContents(raw(4, b -> b.putInt(0))).build(),
        "has 1 elements, expected 2"
      },
      {many(1025), "There are 1025 inputs, expected at most 1024."},
    };
  }

  @Test(dataProvider = "wrongRequests")
  public void whatIsNoTensorIsRefusedWithWhatWasExpected(ModelInferRequest request, String words) {
    ServingException error = expectThrows(ServingException.class, () -> json(request));
    assertEquals(error.kind(), ErrorKind.BAD_REQUEST);
    assertTrue(error.getMessage().contains(words), error.getMessage());
  }

  @Test
  public void jsonBeyondTheLimitIsRefusedBeforeItIsThere() {
    ModelInferRequest request =
        request("FP32", 100_000)
            .addRawInputContents(raw(400_000, b -> b.put(new byte[400_000])))
            .build();
    ServingException error =
        expectThrows(ServingException.class, () -> InferRequests.toJson(request, 100_000));
    assertEquals(error.kind(), ErrorKind.REQUEST_TOO_LARGE);
    assertTrue(error.getMessage().contains("max_request_size"), error.getMessage());
  }

  /** Answers that are none, and words of the reason. */
  @DataProvider
  Object[][] wrongResponses() {
    String y = "{\"name\":\"y\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":";
    return new Object[][] {
      {"", "it is not a JSON object"},
      {"null", "it is not a JSON object"},
      {"[1]", "it is not a JSON object"},
      {"\"text\"", "it is not a JSON object"},
      {"{\"outputs\":[", "it is not a JSON object"},
      {"{\"predictions\":[1]}", "it has no outputs"},
      {"{\"outputs\":{}}", "its outputs are no array"},
      {respond("3"), "output 0 is not an object"},
      {respond("{}"), "output 0 has no name"},
      {respond("{\"name\":\"y\",\"datatype\":\"INT8\",\"data\":[]}"), "output 0 has no shape"},
      {respond("{\"name\":\"y\",\"datatype\":\"INT8\",\"shape\":[1]}"), "output 0 has no data"},
      {respond("{\"name\":3}"), "output 0 has a name that is not a text"},
      {respond("{\"shape\":\"x\"}"), "output 0 has a shape that is not a list of numbers"},
      {respond("{\"datatype\":\"X\"}"), "output 0 has the datatype X"},
      {respond(y + "[1,2]}"), "output 0 has 2 elements, expected 1 by its shape [1]"},
      {respond(y + "[128]}"), "output 0 has the element 128, expected INT8"},
      {respond(y + "[1.5]}"), "output 0 has the element 1.5, expected INT8"},
      {respond(y + "[1e999999999]}"), "output 0 has the element 1e999999999, expected INT8"},
      {respond(y + "[1e-999999999]}"), "output 0 has the element 1e-999999999, expected INT8"},
      {respond(y + "[1e99999999999]}"), "output 0 has the element 1e99999999999, expected INT8"},
      {respond(y + "[null]}"), "output 0 has null in its data, expected INT8"},
      {respond(y + "[\"1\"]}"), "output 0 has a text in its data, expected INT8"},
      {respond(y + "5}"), "output 0 has data that are a number, expected an array"},
      {respond(y + "[1]}," + y + "[-129]}"), "output 1 has the element -129"},
    };
  }

  @Test(dataProvider = "wrongResponses")
  public void whatIsNoResponseIsAnErrorOfTheServer(String response, String words) {
    ServingException error =
        expectThrows(ServingException.class, () -> response(request("INT8", 0).build(), response));
    assertEquals(error.kind(), ErrorKind.INTERNAL);
    assertTrue(error.getMessage().contains(words), error.getMessage());
  }

  @Test
  public void brokenRequestsAreRefusedOrReadAndNothingElse() {
    Random random = new Random(1);
    List<byte[]> valid = new ArrayList<>();
    for (Object[] row : datatypes()) {
      valid.add(
          request((String) row[0], 1, 2)
              .addRawInputContents((ByteString) row[2])
              .build()
              .toByteArray());
      if (row[1] != null) {
        valid.add(typed((String) row[0], (InferTensorContents.Builder) row[1], 1, 2).toByteArray());
      }
    }
    for (int i = 0; i < 20_000; i++) {
      byte[] broken = broken(valid.get(i % valid.size()), random);
      try {
        String json = json(ModelInferRequest.parseFrom(broken));
        assertTrue(JsonParser.parseString(json).isJsonObject());
      } catch (InvalidProtocolBufferException e) {
        // It never was a message.
      } catch (ServingException e) {
        assertEquals(e.kind(), ErrorKind.BAD_REQUEST, e.toString());
      }
    }
  }

  @Test
  public void brokenResponsesAreRefusedOrReadAndNothingElse() {
    Random random = new Random(2);
    List<byte[]> valid = new ArrayList<>();
    for (Object[] row : datatypes()) {
      valid.add(
          ("{\"id\":\"1\",\"parameters\":{\"a\":1},\"outputs\":[{\"name\":\"y\",\"shape\":[1,2],"
                  + "\"datatype\":\""
                  + row[0]
                  + "\",\"data\":["
                  + row[3]
                  + "]}]}")
              .getBytes(StandardCharsets.UTF_8));
    }
    ResponseForm form = ResponseForm.of(request("INT8", 0).build(), "request-id");
    for (int i = 0; i < 20_000; i++) {
      ByteBuf broken = Unpooled.wrappedBuffer(broken(valid.get(i % valid.size()), random));
      try {
        InferResponses.toResponse(form, broken);
      } catch (ServingException e) {
        assertEquals(e.kind(), ErrorKind.INTERNAL, e.toString());
      }
    }
  }

  /** A few bytes replaced, removed, repeated. */
  private static byte[] broken(byte[] valid, Random random) {
    byte[] bytes = valid.clone();
    for (int change = random.nextInt(4); change >= 0; change--) {
      int at = random.nextInt(bytes.length);
      bytes[at] =
          (byte) (random.nextBoolean() ? random.nextInt() : bytes[random.nextInt(bytes.length)]);
    }
    return random.nextInt(4) > 0 ? bytes : Arrays.copyOf(bytes, random.nextInt(bytes.length + 8));
  }

  private static ModelInferRequest.Builder request(String datatype, long... shape) {
    InferInputTensor.Builder input =
        InferInputTensor.newBuilder().setName("x").setDatatype(datatype);
    for (long size : shape) {
      input.addShape(size);
    }
    return ModelInferRequest.newBuilder().setModelName("cats").setId("7").addInputs(input);
  }

  private static ModelInferRequest typed(
      String datatype, InferTensorContents.Builder contents, long... shape) {
    ModelInferRequest.Builder request = request(datatype, shape);
    request.getInputsBuilder(0).setContents(contents);
    return request.build();
  }

  private static ModelInferRequest many(int inputs) {
    ModelInferRequest.Builder request = request("INT8", 0);
    while (request.getInputsCount() < inputs) {
      request.addInputs(request.getInputs(0));
    }
    return request.build();
  }

  private static String json(ModelInferRequest request) {
    ByteBuf json = InferRequests.toJson(request, LIMIT);
    try {
      return json.toString(StandardCharsets.UTF_8);
    } finally {
      json.release();
    }
  }

  private static String respond(String outputs) {
    return "{\"outputs\":[" + outputs + "]}";
  }

  private static ModelInferResponse response(ModelInferRequest request, String response) {
    return InferResponses.toResponse(
        ResponseForm.of(request, "request-id"),
        Unpooled.copiedBuffer(response, StandardCharsets.UTF_8));
  }
}
