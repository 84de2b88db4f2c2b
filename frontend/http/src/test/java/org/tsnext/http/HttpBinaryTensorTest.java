package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.testing.FakeInference.Seen;

/** Tensors as binary data behind the JSON of KServe v2, in requests and in responses. */
public class HttpBinaryTensorTest extends HttpTestBase {

  private static final String LENGTH = "Inference-Header-Content-Length";

  private static byte[] raw(int bytes, Consumer<ByteBuffer> fill) {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    fill.accept(buffer);
    return buffer.array();
  }

  private static byte[] elements(byte[]... elements) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] element : elements) {
      all.writeBytes(raw(4, b -> b.putInt(element.length)));
      all.writeBytes(element);
    }
    return all.toByteArray();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static final byte[] NO_TEXT = {(byte) 0x89, 'P', 'N', 'G', 0, (byte) 0xff};

  /** Each datatype: two elements as binary data and as JSON. */
  @DataProvider
  public Object[][] datatypes() {
    return new Object[][] {
      {"BOOL", new byte[] {1, 0}, "[true,false]"},
      {"INT8", new byte[] {-128, 127}, "[-128,127]"},
      {"INT16", raw(4, b -> b.putShort(Short.MIN_VALUE).putShort((short) 7)), "[-32768,7]"},
      {"INT32", raw(8, b -> b.putInt(Integer.MIN_VALUE).putInt(7)), "[-2147483648,7]"},
      {"INT64", raw(16, b -> b.putLong(Long.MIN_VALUE).putLong(7)), "[-9223372036854775808,7]"},
      {"UINT8", new byte[] {-1, 0}, "[255,0]"},
      {"UINT16", raw(4, b -> b.putShort((short) -1).putShort((short) 0)), "[65535,0]"},
      {"UINT32", raw(8, b -> b.putInt(-1).putInt(0)), "[4294967295,0]"},
      {"UINT64", raw(16, b -> b.putLong(-1).putLong(0)), "[18446744073709551615,0]"},
      {"FP16", raw(4, b -> b.putShort((short) 0x3c00).putShort((short) 0xc100)), "[1.0,-2.5]"},
      {"BF16", raw(4, b -> b.putShort((short) 0x3f80).putShort((short) 0xc020)), "[1.0,-2.5]"},
      {"FP32", raw(8, b -> b.putFloat(0.1f).putFloat(-0.0f)), "[0.1,-0.0]"},
      {"FP64", raw(16, b -> b.putDouble(0.1).putDouble(1e300)), "[0.1,1.0E300]"},
      {"BYTES", elements(utf8("süß \"q\""), utf8("")), "[\"süß \\\"q\\\"\",\"\"]"},
      {"BYTES", elements(NO_TEXT, utf8("x")), "[{\"b64\":\"iVBORwD/\"},\"x\"]"},
    };
  }

  @Test(dataProvider = "datatypes")
  public void binaryInputIsTheHandlersJson(String datatype, byte[] data, String json)
      throws Exception {
    String head =
        """
        {"id":"7","inputs":[{"name":"x","shape":[1, 2],"datatype":"%s","parameters":\
        {"binary_data_size":%d,"scale":"a"}}],"other":{"deep":[1,{"a":null}]}}"""
            .formatted(datatype, data.length);
    HttpResponse<byte[]> response = infer(head, data);
    assertEquals(response.statusCode(), 200, text(response));
    Seen seen = inference.next();
    assertEquals(seen.parts().get(0).name(), "body");
    assertEquals(seen.parts().get(0).contentType(), "application/json");
    assertEquals(
        latin1AsUtf8(seen.parts().get(0).value()),
        """
        {"id":"7","inputs":[{"name":"x","shape":[1,2],"datatype":"%s","parameters":{"scale":"a"},\
        "data":%s}],"other":{"deep":[1,{"a":null}]}}"""
            .formatted(datatype, json));
  }

  @Test(dataProvider = "datatypes")
  public void outputIsBinaryWhereItIsWanted(String datatype, byte[] data, String json)
      throws Exception {
    respond(
        """
        {"id":"7","model_name":"cats","model_version":"1.0","outputs":[
        {"name":"a","datatype":"%1$s","data":%2$s,"shape":[2]},
        {"data":%2$s,"shape":[2,1],"name":"b","parameters":{"p":1},"datatype":"%1$s"}]}"""
            .formatted(datatype, json));
    String head =
        """
        {"inputs":[],"outputs":[{"name":"b","parameters":{"binary_data":true}},
        {"name":"a","parameters":{"binary_data":false}}]}""";
    HttpResponse<byte[]> response = infer(head);
    assertEquals(response.statusCode(), 200, text(response));
    assertEquals(type(response), "application/octet-stream");
    String said = response.headers().firstValue(LENGTH).orElseThrow();
    int length = Integer.parseInt(said);
    byte[] body = response.body();
    assertEquals(
        JsonParser.parseString(new String(body, 0, length, StandardCharsets.UTF_8)),
        JsonParser.parseString(
            """
            {"id":"7","model_name":"cats","model_version":"1.0","outputs":[
            {"name":"b","datatype":"%1$s","shape":[2,1],
            "parameters":{"p":1,"binary_data_size":%2$d}},
            {"name":"a","datatype":"%1$s","shape":[2],"data":%3$s}]}"""
                .formatted(datatype, data.length, json)));
    assertEquals(Arrays.copyOfRange(body, length, body.length), data);
  }

  @Test
  public void binaryIsTheDefaultOfTheWholeRequestAndAnOutputSaysOtherwise() throws Exception {
    respond(
        """
        {"outputs":[{"name":"a","datatype":"INT8","data":[1],"shape":[1]},
        {"name":"b","datatype":"INT8","data":[2],"shape":[1]}]}""");
    String all = "{\"id\":\"i\",\"inputs\":[],\"parameters\":{\"binary_data_output\":true}}";
    HttpResponse<byte[]> both = infer(all);
    assertEquals(binaryOf(both), new byte[] {1, 2});
    assertEquals(headOf(both).get("id").getAsString(), "i", "the handler said none");
    String one =
        "{\"inputs\":[],\"parameters\":{\"binary_data_output\":true},\"outputs\":"
            + "[{\"name\":\"b\",\"parameters\":{\"binary_data\":false}},{\"name\":\"a\"}]}";
    assertEquals(binaryOf(infer(one)), new byte[] {1});
  }

  @Test
  public void withoutBinaryDataNothingIsTouched() throws Exception {
    String odd = "{\"inputs\": [ NaN ], \"binary_datax\": 1}";
    String plain = "{ \"inputs\" : [] , \"outputs\": [{\"name\": \"a\"}] }";
    String no = "not JSON, but \"binary_data";
    respond("{ \"whatever\" : [ 1 ] }");
    for (String body : List.of(odd, plain, no)) {
      HttpResponse<byte[]> response = infer(body);
      assertEquals(text(response), "{ \"whatever\" : [ 1 ] }");
      assertFalse(response.headers().firstValue(LENGTH).isPresent());
      assertEquals(inference.next().parts().get(0).value(), body);
    }
  }

  @Test
  public void jsonOfTensorsHasTheLimitOfRequests() throws Exception {
    // 600 bytes of these are 1,500 of JSON; the limit of this server is 1000.
    byte[] data = raw(600, b -> Arrays.stream(new int[75]).forEach(i -> b.putDouble(1.0 / 3)));
    HttpResponse<byte[]> response = infer(input("FP64", "[75]", data.length), data);
    assertEquals(response.statusCode(), 413, text(response));
    assertTrue(text(response).contains("max_request_size"), text(response));
  }

  private static String input(String datatype, String shape, Object size) {
    return "{\"inputs\":[{\"name\":\"x\",\"shape\":%s,\"datatype\":\"%s\",\"parameters\":{\"binary_data_size\":%s}}]}"
        .formatted(shape, datatype, size);
  }

  /** What is wrong, the length that the header says (null: that of the JSON), the JSON, data. */
  @DataProvider
  public Object[][] wrongRequests() {
    String fine = input("INT16", "[2]", 4);
    byte[] four = new byte[4];
    String two =
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[2],\"datatype\":\"INT8\",\"parameters\":{\"binary_data_size\":2}},"
            + "{\"name\":\"b\",\"shape\":[3],\"datatype\":\"INT8\",\"parameters\":{\"binary_data_size\":3}}]}";
    return new Object[][] {
      {"expected one whole number", "x", fine, four},
      {"expected one whole number", "-1", fine, four},
      {"expected one whole number", "99999999999999999999", fine, four},
      {"but the body has", "100000", fine, four},
      {"are no JSON object", "20", fine, four},
      {"are no JSON object", null, "[1]", new byte[0]},
      {"are no JSON object", "7", "{\"a\":\u00ff}", new byte[0]},
      {"are no JSON object", null, "{}{}", new byte[0]},
      {"are no JSON object", null, "", four},
      {"but 3 bytes are left", null, fine, new byte[3]},
      {"There are 1 bytes behind", null, fine, new byte[5]},
      {"There are 4 bytes behind", null, "{\"inputs\":[]}", four},
      {"Input 1 (\\\"b\\\") has the binary_data_size 3, but 2 bytes", null, two, four},
      {"has 4 raw bytes, expected 6", null, input("INT16", "[3]", 4), four},
      {"expected a whole number of bytes", null, input("INT16", "[2]", -4), four},
      {"expected a whole number of bytes", null, input("INT16", "[2]", 4.5), four},
      {"expected a whole number of bytes", null, input("INT16", "[2]", "\"4\""), four},
      {"expected a whole number of bytes", null, input("INT16", "[2]", "1e99"), four},
      {"expected one of BOOL", null, input("FP8", "[4]", 4), four},
      {"no shape that is a list", null, input("INT16", "2", 4), four},
      {"no shape that is a list", null, input("INT16", "[[2]]", 4), four},
      {"no shape that is a list", null, input("INT16", "[0.5]", 4), four},
      {"no negative size", null, input("INT16", "[-2,-1]", 4), four},
      {"expected at most 2147483647 elements", null, input("INT8", "[65536,65536]", 4), four},
      {"element 0 is cut", null, input("BYTES", "[1]", 4), raw(4, b -> b.putInt(1))},
      {"element 0 is cut", null, input("BYTES", "[1]", 4), raw(4, b -> b.putInt(-1))},
      {"element 0 is cut", null, input("BYTES", "[1]", 3), new byte[3]},
      {"has 1 elements, expected 2", null, input("BYTES", "[2]", 4), four},
      {
        "both data and binary_data_size",
        null,
        fine.replace("\"parameters\"", "\"data\":[1,2],\"parameters\""),
        four
      },
      {"two members", null, fine.replace("}}]}", "}}],\"inputs\":[]}"), four},
    };
  }

  @Test(dataProvider = "wrongRequests")
  public void lengthsThatDoNotFitAreRefusedWithTheirPlace(
      String expected, String length, String head, byte[] data) throws Exception {
    String said = length == null ? String.valueOf(utf8(head).length) : length;
    HttpResponse<byte[]> response = send(head, data, said);
    String text = text(response);
    assertEquals(response.statusCode(), 400, text);
    assertTrue(text.contains(expected), text);
    assertTrue(inference.isEmpty());
  }

  @Test
  public void binarySizeWithoutTheHeaderIsRefused() throws Exception {
    HttpResponse<byte[]> response = infer(input("INT8", "[1]", 1));
    assertEquals(response.statusCode(), 400);
    assertTrue(text(response).contains("no header inference-header-content-length"));
  }

  @Test
  public void responseWithoutTensorsIsTheHandlersErrorWhereBinaryDataAreWanted() throws Exception {
    String wanted = "{\"inputs\":[],\"parameters\":{\"binary_data_output\":true}}";
    respond("{\"predictions\":[1]}");
    HttpResponse<byte[]> none = infer(wanted);
    assertEquals(none.statusCode(), 500);
    assertTrue(text(none).contains("it has no outputs"), text(none));
    respond("{\"outputs\":[{\"name\":\"a\",\"datatype\":\"INT8\",\"shape\":[3],\"data\":[1]}]}");
    HttpResponse<byte[]> few = infer(wanted);
    assertEquals(few.statusCode(), 500);
    assertTrue(text(few).contains("has 1 elements, expected 3"), text(few));
    String other =
        "{\"inputs\":[],\"outputs\":[{\"name\":\"z\",\"parameters\":{\"binary_data\":true}}]}";
    respond("{\"outputs\":[{\"name\":\"a\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[1]}]}");
    HttpResponse<byte[]> missing = infer(other);
    assertEquals(missing.statusCode(), 400);
    assertTrue(text(missing).contains("no output \\\"z\\\""), text(missing));
  }

  @Test
  public void statusThatTheHandlerChoseGoesWithItsBody() throws Exception {
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(422, "", ResponseHead.BodyKind.JSON, List.of()),
                Unpooled.copiedBuffer("{\"error\":\"no\"}", StandardCharsets.UTF_8)));
    HttpResponse<byte[]> response =
        infer("{\"inputs\":[],\"parameters\":{\"binary_data_output\":true}}");
    assertEquals(response.statusCode(), 422);
    assertEquals(text(response), "{\"error\":\"no\"}");
  }

  private void respond(String json) {
    inference.respond(
        (request, sink) ->
            sink.complete(
                new ResponseHead(0, "", ResponseHead.BodyKind.JSON, List.of()),
                Unpooled.copiedBuffer(json, StandardCharsets.UTF_8)));
  }

  private HttpResponse<byte[]> infer(String head, byte[] data) throws Exception {
    return send(head, data, String.valueOf(utf8(head).length));
  }

  private HttpResponse<byte[]> infer(String body) throws Exception {
    return send(body, new byte[0], null);
  }

  private HttpResponse<byte[]> send(String head, byte[] data, String length)
      throws IOException, InterruptedException {
    byte[] json = head.contains("\u00ff") ? head.getBytes(StandardCharsets.ISO_8859_1) : utf8(head);
    byte[] body = Arrays.copyOf(json, json.length + data.length);
    System.arraycopy(data, 0, body, json.length, data.length);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v2/models/cats/infer"))
            .version(HttpClient.Version.HTTP_1_1)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    if (length != null) {
      request.header(LENGTH, length);
    }
    return HttpClient.newHttpClient()
        .send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  private static JsonObject headOf(HttpResponse<byte[]> response) {
    int length = Integer.parseInt(response.headers().firstValue(LENGTH).orElseThrow());
    return JsonParser.parseString(new String(response.body(), 0, length, StandardCharsets.UTF_8))
        .getAsJsonObject();
  }

  private static byte[] binaryOf(HttpResponse<byte[]> response) {
    int length = Integer.parseInt(response.headers().firstValue(LENGTH).orElseThrow());
    return Arrays.copyOfRange(response.body(), length, response.body().length);
  }

  private static String type(HttpResponse<byte[]> response) {
    return response.headers().firstValue("content-type").orElse("");
  }

  private static String text(HttpResponse<byte[]> response) {
    return new String(response.body(), StandardCharsets.UTF_8);
  }

  private static String latin1AsUtf8(String text) {
    return new String(text.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }
}
