package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.testing.FakeInference.Part;
import org.tsnext.core.testing.FakeInference.Seen;
import org.tsnext.http.RawClient.RawResponse;

/** The OpenAI API: bodies that name their model, errors in its words, models as objects. */
public class OpenAiRoutesTest extends HttpTestBase {

  private static final String CHAT = "/v1/chat/completions";

  private static JsonObject json(RawResponse response) {
    return JsonParser.parseString(response.body()).getAsJsonObject();
  }

  private static JsonObject error(RawResponse response) {
    JsonObject body = json(response);
    assertEquals(body.keySet().toString(), "[error]");
    return body.getAsJsonObject("error");
  }

  @Test
  public void bodyNamesItsModelByEitherName() throws Exception {
    for (String name : List.of("cats", "acme/cats")) {
      String body =
          "{\"messages\": [{\"model\": \"dogs\"}], \"model\": \"" + name + "\", \"n\": 1}";
      assertEquals(client().post(CHAT, body).body(), "ok");
      Seen seen = inference.next();
      assertEquals(seen.model(), "cats");
      assertNull(seen.version());
      assertEquals(seen.header("url_path"), "v1/chat/completions");
      assertEquals(seen.parts(), List.of(new Part("body", "application/json", body)));
    }
  }

  @DataProvider
  public Object[][] wrongBodies() {
    return new Object[][] {
      {"", "The body is empty, expected a JSON object with the name of a model as model."},
      {"[]", "The body is a JSON list, expected a JSON object with the name of a model as model."},
      {"{", "The body is not JSON, expected a JSON object with the name of a model as model."},
      {
        "model=cats",
        "The body is not JSON, expected a JSON object with the name of a model as model."
      },
      {"{}", "The body has no member model, expected the name of a model."},
      {"{\"model\": 1}", "model is a JSON number, expected the name of a model."},
      {"{\"model\": null}", "model is a JSON null, expected the name of a model."},
      {"{\"model\": \"\"}", "model is empty, expected the name of a model."},
      {
        "{\"a\": " + "[".repeat(900),
        "The body is not JSON, expected a JSON object with the name of a model as model."
      },
    };
  }

  @Test(dataProvider = "wrongBodies")
  public void bodyWithoutAModelIsRefused(String body, String message) throws Exception {
    RawResponse response = client().post(CHAT, body);
    assertEquals(response.status(), 400);
    JsonObject error = error(response);
    assertTrue(error.get("message").getAsString().startsWith(message), error.toString());
    assertEquals(error.get("type").getAsString(), "invalid_request_error");
    assertEquals(error.get("code").getAsString(), "bad_request");
    assertTrue(inference.isEmpty());
  }

  @Test
  public void unknownModelIsNotFound() throws Exception {
    for (String name : List.of("meta/dogs", "a b", "-x", "a".repeat(129))) {
      RawResponse response = client().post(CHAT, "{\"model\": \"" + name + "\"}");
      assertEquals(response.status(), 404);
      JsonObject error = error(response);
      assertTrue(error.get("message").getAsString().startsWith("Model not found: " + part(name)));
      assertEquals(error.get("param").getAsString(), "model");
      assertEquals(error.get("code").getAsString(), "model_not_found");
    }
    assertTrue(inference.isEmpty());
  }

  private static String part(String name) {
    return name.substring(0, Math.min(100, name.length()));
  }

  @Test
  public void errorHasEveryMemberOfTheApi() throws Exception {
    JsonObject error = error(client().post(CHAT, "{}"));
    assertEquals(error.keySet(), Set.of("message", "type", "param", "code"));
    assertTrue(error.get("param").isJsonNull());
    JsonObject ofModels = json(client().get("/v1/models/dogs")).getAsJsonObject("error");
    assertEquals(ofModels.keySet(), Set.of("message", "type", "param", "code"));
  }

  @Test
  public void errorDoesNotRepeatALongBody() throws Exception {
    RawResponse response = client().post(CHAT, "{\"" + "k".repeat(900) + "\": x");
    assertEquals(response.status(), 400);
    assertTrue(response.body().length() < 500, response.body().length() + " bytes");
  }

  @Test
  public void compressedBodyIsNamedAsSuch() throws Exception {
    RawResponse response = client().post(CHAT, "{\"model\": \"cats\"}", "Content-Encoding: gzip");
    assertEquals(response.status(), 400);
    assertEquals(
        error(response).get("message").getAsString(),
        "The body has the content-encoding gzip, expected none: send the JSON as it is.");
    assertEquals(
        client().post(CHAT, "{\"model\": \"cats\"}", "Content-Encoding: identity").status(), 200);
  }

  @Test
  public void modelWhoseHandlerHasNotTheRouteIsRefused() throws Exception {
    RawResponse response = client().post("/v1/embeddings", "{\"model\": \"cats\"}");
    assertEquals(response.status(), 404);
    JsonObject error = error(response);
    assertEquals(
        error.get("message").getAsString(),
        "Model cats does not serve /v1/embeddings. It serves v1/chat/completions.");
    assertTrue(inference.isEmpty());
  }

  @DataProvider
  public Object[][] failures() {
    return new Object[][] {
      {ErrorKind.QUEUE_FULL, 503, "server_error", "queue_full"},
      {ErrorKind.RESPONSE_TIMEOUT, 504, "server_error", "response_timeout"},
      {ErrorKind.WORKER_LOST, 500, "server_error", "worker_lost"},
    };
  }

  @Test(dataProvider = "failures")
  public void failuresOfTheServerHaveTheFormOfTheApi(
      ErrorKind kind, int status, String type, String code) throws Exception {
    inference.respond((seen, sink) -> sink.fail(new ServingException(kind, "why")));
    RawResponse response = client().post(CHAT, "{\"model\": \"cats\"}");
    assertEquals(response.status(), status);
    JsonObject error = error(response);
    assertEquals(error.get("message").getAsString(), "why");
    assertEquals(error.get("type").getAsString(), type);
    assertEquals(error.get("code").getAsString(), code);
    assertEquals(response.header("retry-after") != null, kind == ErrorKind.QUEUE_FULL);
  }

  @Test
  public void engineMayWantFewerRequests() throws Exception {
    inference.respond((seen, sink) -> sink.fail(ServingException.ofHandler(429, "slow down")));
    RawResponse response = client().post(CHAT, "{\"model\": \"cats\"}");
    assertEquals(response.status(), 429);
    assertEquals(error(response).get("type").getAsString(), "rate_limit_error");
    assertEquals(error(response).get("code").getAsString(), "rate_limit_exceeded");
  }

  @Test
  public void streamThatFailsTellsItInTheFormOfTheApi() throws Exception {
    inference.hold();
    RawClient client = client();
    String body = "{\"model\": \"cats\"}";
    client.request("POST", CHAT, body);
    ResponseSink sink = inference.nextWaiting().sink();
    sink.chunk(
        new ResponseHead(
            0,
            "",
            ResponseHead.BodyKind.TEXT,
            List.of(new Header("content-type", "text/event-stream"))),
        text("data: {}\n\n"));
    client.read(false);
    assertEquals(client.chunk(), "data: {}\n\n");
    sink.fail(new ServingException(ErrorKind.PREDICTION_FAILED, "no more"));
    assertEquals(
        client.chunk(),
        "\nevent: error\ndata: {\"error\":{\"message\":\"no more\",\"type\":\"server_error\","
            + "\"param\":null,\"code\":\"prediction_failed\"}}\n\n");
  }

  @Test
  public void clientThatLeavesCancelsItsRequest() throws Exception {
    inference.hold();
    RawClient client = client();
    String body = "{\"model\": \"cats\"}";
    client.request("POST", CHAT, body);
    inference.nextWaiting();
    client.close();
    waitUntil("the request is cancelled", () -> inference.cancelled.get() == 1);
  }

  @Test
  public void modelsAreOneListForBothKindsOfClients() throws Exception {
    JsonObject list = json(client().get("/v1/models"));
    assertEquals(list.get("object").getAsString(), "list");
    assertEquals(list.get("models").toString(), "[\"acme/cats\",\"cats\"]");
    JsonObject first = list.getAsJsonArray("data").get(0).getAsJsonObject();
    assertEquals(
        first.toString(),
        "{\"id\":\"acme/cats\",\"object\":\"model\",\"created\":1900000000,"
            + "\"owned_by\":\"torchserve-next\"}");
  }

  @Test
  public void modelIsFoundByEachOfItsNames() throws Exception {
    for (String path : List.of("cats", "acme%2Fcats", "cats:x")) {
      JsonObject model = json(client().get("/v1/models/" + path));
      assertEquals(model.get("object").getAsString(), "model");
      assertTrue(model.get("ready").getAsBoolean());
      assertEquals(model.get("id"), model.get("name"));
    }
    RawResponse unknown = client().get("/v1/models/acme%2Fdogs");
    assertEquals(unknown.status(), 404);
    assertEquals(json(unknown).get("type").getAsString(), "ModelNotFoundException");
    assertEquals(
        json(unknown).getAsJsonObject("error").get("code").getAsString(), "model_not_found");
  }

  @Test
  public void unknownPathOfTheApiHasItsForm() throws Exception {
    RawResponse response = client().post("/v1/images/generations", "{}");
    assertEquals(response.status(), 404);
    assertEquals(error(response).get("code").getAsString(), "resource_not_found");
    assertEquals(client().get(CHAT).status(), 405);
    assertFalse(error(client().get(CHAT)).get("message").getAsString().isEmpty());
  }

  private static ByteBuf text(String value) {
    return Unpooled.copiedBuffer(value, StandardCharsets.UTF_8);
  }
}
