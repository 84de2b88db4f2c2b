package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.model.ModelService.ModelEntry;
import org.tsnext.core.model.ReadinessReport;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.model.ScaleResult.Outcome;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.ListenAddress;

public class HttpManagementTest extends HttpTestBase {

  private static final String JSON = "Content-Type: application/json";
  private static final String FORM = "Content-Type: application/x-www-form-urlencoded";

  private static String status(RawResponse response) {
    return JsonParser.parseString(response.body()).getAsJsonObject().get("status").getAsString();
  }

  private void result(Outcome outcome) {
    models.result = CompletableFuture.completedFuture(new ScaleResult(outcome, "cats", "1.0", 2));
  }

  private RegisterModel registration() throws InterruptedException {
    return (RegisterModel) models.requests.poll(60, TimeUnit.SECONDS);
  }

  @Test
  public void registrationReadsItsQuery() throws Exception {
    RawResponse response =
        management()
            .post(
                "/models?url=cats.mar&model_name=c&handler=h%3Af&runtime=python3&batch_size=4"
                    + "&max_batch_delay=50&initial_workers=2&synchronous=false"
                    + "&response_timeout=7&startup_timeout=8&s3_sse_kms=true",
                "");
    assertEquals(response.status(), 200);
    assertEquals(
        registration(),
        new RegisterModel(
            new RegisterModel.Source("cats.mar", true),
            Optional.of("c"),
            Optional.of("h:f"),
            Optional.of("python3"),
            new RegisterModel.Requested(
                OptionalInt.of(4),
                Optional.of(Duration.ofMillis(50)),
                OptionalInt.of(2),
                Optional.of(Duration.ofSeconds(7)),
                Optional.of(Duration.ofSeconds(8))),
            RegisterModel.Origin.CLIENT,
            false));
  }

  @DataProvider
  public Object[][] minimalForms() {
    return new Object[][] {
      {"/models?url=cats.mar", "", "X-A: b"},
      {"/models?url=cats.mar&batch_size=&synchronous=", "ignored", "X-A: b"},
      {"/models?url=cats.mar", "url=dogs.mar", FORM},
      {"/models", "{\"url\": \"cats.mar\"}", JSON},
      {"/models?url=other", "{'url': 'cats.mar', 'batch_size': null}", JSON},
      {"/models", "url=cats.mar", FORM},
    };
  }

  @Test(dataProvider = "minimalForms")
  public void whatIsNotGivenStaysEmptyInEveryForm(String target, String body, String header)
      throws Exception {
    assertEquals(management().post(target, body, header).status(), 200);
    assertEquals(
        registration(),
        new RegisterModel(
            new RegisterModel.Source("cats.mar", false),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            RegisterModel.Requested.NOTHING,
            RegisterModel.Origin.CLIENT,
            true));
  }

  @DataProvider
  public Object[][] unknownParameters() {
    return new Object[][] {
      {"PUT", "/models/cats?min_workers=2", "min_workers: did you mean min_worker?"},
      {"PUT", "/models/cats/1.0?minWorker=2", "minWorker: did you mean min_worker?"},
      {"PUT", "/models/cats?colour=red", "colour: expected min_worker, max_worker, model_version,"},
      {"PUT", "/models/cats/1.0/set-default?x=1", "Unknown parameter x: expected no parameters."},
      {"DELETE", "/models/cats?force=true", "Unknown parameter force: expected no parameters."},
      {"GET", "/models?limits=3", "limits: did you mean limit?"},
      {"GET", "/models/cats?customised=true", "customised: did you mean customized?"},
    };
  }

  @Test(dataProvider = "unknownParameters")
  public void unknownParameterIsRefusedWithTheNearestOne(
      String method, String target, String expected) throws Exception {
    RawResponse response = management().request(method, target, null).read();
    assertEquals(response.status(), 400, response.body());
    assertTrue(response.body().contains(expected), response.body());
    assertTrue(response.body().contains("compatibility=0.12"), response.body());
    assertNull(models.requests.poll());
  }

  @Test
  public void parametersThatTorchServeDocumentsWithoutEffectAreTaken() throws Exception {
    result(Outcome.DONE);
    RawClient client = management();
    assertEquals(client.request("PUT", "/models/cats?number_gpu=1", null).read().status(), 200);
    assertEquals(
        client.request("DELETE", "/models/cats?synchronous=true&timeout=5", null).read().status(),
        200);
  }

  @Test
  public void jsonTakesNumbersAsStrings() throws Exception {
    management().post("/models", "{url: a.mar, batch_size: '8', initial_workers: 1.0}", JSON);
    RegisterModel registered = registration();
    assertEquals(registered.requested().batchSize(), OptionalInt.of(8));
    assertEquals(registered.requested().initialWorkers(), OptionalInt.of(1));
  }

  @DataProvider
  public Object[][] badRegistrations() {
    return new Object[][] {
      {"/models", "", "X-A: b", "Parameter url is required."},
      {"/models?url=", "", "X-A: b", "Parameter url is required."},
      {"/models?url=a.mar&runtime=ruby", "", "X-A: b", "Invalid RuntimeType value: ruby"},
      {"/models?url=a.mar&batch_size=0", "", "X-A: b", "batch_size is 0, expected 1 or more"},
      {"/models?url=a.mar&initial_workers=-2", "", "X-A: b", "initial_workers is -2"},
      {"/models?url=a.mar&batch_size=x", "", "X-A: b", "batch_size is \"x\", expected an integer"},
      {"/models?url=a.mar&response_timeout=0", "", "X-A: b", "is 0, expected 1 or more"},
      {"/models?url=a.mar&startup_timeout=1e3", "", "X-A: b", "expected an integer of 32 bits"},
      {"/models?url=a.mar&max_batch_delay=9999999999", "", "X-A: b", "an integer of 32 bits"},
      {"/models?url=a.mar&batch_size=%D9%A3", "", "X-A: b", "expected an integer of 32 bits"},
      {"/models?url=a.mar&synchronous=yes", "", "X-A: b", "is \"yes\", expected true or false"},
      {"/models", "url=a&synchronous=1", FORM, "synchronous is \"1\", expected true or false"},
      {"/models", "url=a&initial_workers=many", FORM, "initial_workers is \"many\""},
      {"/models?url=a&modelname=b", "", "X-A: b", "modelname: did you mean model_name?"},
      {"/models?url=a", "initial_worker=1", FORM, "did you mean initial_workers?"},
      {
        "/models", "{\"url\": \"a\", \"unknown\": [1]}", JSON, "Unknown parameter unknown: expected"
      },
      {"/models", "{\"url\": \"a\"}", FORM, "send it with content-type: application/json"},
      {"/models", "", JSON, "not valid JSON"},
      {"/models", "{\"url\": ", JSON, "not valid JSON: End of input"},
      {"/models", "[1]", JSON, "expected an object"},
      {"/models", "{\"url\": {}}", JSON, "Parameter url is {}, expected a string."},
      {"/models", "{\"url\": \"a\", \"batch_size\": \"x\"}", JSON, "expected an integer"},
      {"/models", "{\"url\": \"a\", \"batch_size\": 1.5}", JSON, "expected an integer"},
      {"/models", "{\"url\": \"a\", \"batch_size\": \"\u0663\"}", JSON, "expected an integer"},
      {"/models", "{\"url\": \"a\"} {\"url\": \"b\"}", JSON, "something follows the object"},
      {"/models", "{\"url\": \"a\", \"batch_size\": 99999999999}", JSON, "of 32 bits"},
      {"/models", "{\"url\": \"a\", \"batch_size\": 1e999999999}", JSON, "of 32 bits"},
      {"/models", "{\"url\": \"a\", \"batch_size\": " + "7".repeat(900) + "}", JSON, "of 32 bits"},
      {
        "/models",
        "{\"url\": \"a\", \"batch_size\": \"" + "7".repeat(900) + "\"}",
        JSON,
        "of 32 bits"
      },
      {"/models", "{\"url\": \"a\", \"synchronous\": \"maybe\"}", JSON, "true or false"},
      {"/models", "{\"url\": \"a\", \"max_batch_delay\": -5}", JSON, "expected 0 or more"},
    };
  }

  @Test(dataProvider = "badRegistrations")
  public void badRegistrationsAreRefusedInWords(
      String target, String body, String header, String reason) throws Exception {
    RawResponse response = management().post(target, body, header);
    assertEquals(response.status(), 400, response.body());
    assertTrue(response.body().contains("\"type\": \"BadRequestException\""), response.body());
    assertTrue(response.body().replace("\\\"", "\"").contains(reason), response.body());
    assertTrue(models.requests.isEmpty());
  }

  @Test
  public void refusalDoesNotRepeatALongBody() throws Exception {
    RawResponse response = management().post("/models", "{\"key\": ".repeat(100), JSON);
    assertEquals(response.status(), 400);
    assertTrue(response.body().length() < 400, response.body());
  }

  @Test
  public void registrationTellsHowFarItCame() throws Exception {
    RawClient client = management();
    String target = "/models?url=cats.mar";
    assertEquals(
        status(client.post(target, "")),
        "Model \"cats\" Version: 1.0 registered with 2 initial workers");
    result(Outcome.REGISTERED_WITHOUT_WORKERS);
    assertEquals(
        status(client.post(target, "")),
        "Model \"cats\" Version: 1.0 registered with 0 initial workers. Use scale workers API to"
            + " add workers for the model.");
    result(Outcome.ACCEPTED);
    RawResponse accepted = client.post(target, "");
    assertEquals(accepted.status(), 202);
    assertEquals(status(accepted), "Processing worker updates...");
    result(Outcome.PARTIAL);
    RawResponse partial = client.post(target, "");
    assertEquals(partial.status(), 206);
    assertEquals(status(partial), "Workers scaling in progress...");
    models.result =
        CompletableFuture.failedFuture(
            new ServingException(ErrorKind.CONFLICT, "Model version 1.0 is already registered"));
    assertEquals(client.post(target, "").status(), 409);
  }

  @Test
  public void slowRegistrationDoesNotHoldUpOthers() throws Exception {
    CompletableFuture<ScaleResult> slow = new CompletableFuture<>();
    models.result = slow;
    RawClient first = management();
    first.request("POST", "/models?url=cats.mar", "");
    for (int i = 0; i < 4; i++) {
      assertEquals(management().get("/models").status(), 200);
    }
    slow.complete(new ScaleResult(Outcome.DONE, "cats", "1.0", 1));
    assertEquals(first.read().status(), 200);
  }

  @Test
  public void scaleReadsItsQueryAndTellsHowFarItCame() throws Exception {
    RawClient client = management();
    RawResponse plain =
        client.request("PUT", "/models/cats?min_worker=3&synchronous=true", "").read();
    assertEquals(status(plain), "Workers scaled to 3 for model: cats");
    assertEquals(
        models.requests.take(),
        List.of("cats", Optional.empty(), new ScaleModel(3, 3, true, Optional.empty())));
    RawResponse version =
        client.request("PUT", "/models/cats/2.0?min_worker=0&max_worker=4&timeout=5", "").read();
    assertEquals(status(version), "Workers scaled to 0 for model: cats, version: 2.0");
    assertEquals(
        models.requests.take(),
        List.of(
            "cats",
            Optional.of("2.0"),
            new ScaleModel(0, 4, false, Optional.of(Duration.ofSeconds(5)))));
    client.request("PUT", "/models/cats?model_version=2.0", "").read();
    assertEquals(
        models.requests.take(),
        List.of("cats", Optional.of("2.0"), new ScaleModel(1, 1, false, Optional.empty())));
    result(Outcome.ACCEPTED);
    assertEquals(client.request("PUT", "/models/cats", "").read().status(), 202);
    assertEquals(
        client.request("PUT", "/models/cats?min_worker=2&max_worker=1", "").read().status(), 400);
    assertEquals(client.request("PUT", "/models/cats?min_worker=-1", "").read().status(), 400);
    assertEquals(client.request("PUT", "/models/cats?min_worker=two", "").read().status(), 400);
    assertEquals(client.request("PUT", "/models/cats?synchronous=1", "").read().status(), 400);
    assertEquals(client.request("PUT", "/models/cats?timeout=-2", "").read().status(), 400);
    assertEquals(client.request("PUT", "/models/dogs", "").read().status(), 404);
  }

  @Test
  public void unregisterAndSetDefaultRespondInWords() throws Exception {
    RawClient client = management();
    assertEquals(
        status(client.request("DELETE", "/models/cats", null).read()),
        "Model \"cats\" unregistered");
    assertEquals(models.requests.take(), List.of("unregister", "cats", Optional.empty()));
    client.request("DELETE", "/models/cats/2.0", null).read();
    assertEquals(models.requests.take(), List.of("unregister", "cats", Optional.of("2.0")));
    assertEquals(
        status(client.request("PUT", "/models/cats/2.0/set-default", "").read()),
        "Default version successfully updated for model \"cats\" to \"2.0\"");
    assertEquals(models.requests.take(), List.of("default", "cats", "2.0"));
    assertEquals(client.request("PUT", "/models/cats/9/set-default", "").read().status(), 404);
  }

  @DataProvider
  public Object[][] wrongMethods() {
    return new Object[][] {
      {"GET", "/models/cats/2.0/set-default", "PUT"},
      {"DELETE", "/models/cats/2.0/set-default", "PUT"},
      {"DELETE", "/models", "GET, HEAD, POST"},
      {"POST", "/models/cats", "GET, HEAD, PUT, DELETE, OPTIONS"},
      {"POST", "/models/cats/1.0", "GET, HEAD, PUT, DELETE, OPTIONS"},
      {"POST", "/v1/models/cats", "GET, HEAD"},
      {"GET", "/", "OPTIONS"},
    };
  }

  @Test(dataProvider = "wrongMethods")
  public void wrongMethodsAreRefusedWithTheRightOnes(String method, String path, String allow)
      throws Exception {
    RawResponse response = management().request(method, path, "").read();
    assertEquals(response.status(), 405);
    assertEquals(response.header("allow"), allow);
    assertTrue(
        response
            .body()
            .contains("\"Requested method is not allowed, please refer to API document.\""));
    assertTrue(models.requests.isEmpty());
  }

  @Test
  public void registeringNeedsTheModelApi() throws Exception {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    HttpServer closed = serve(settings(any, any, CorsSettings.none(), false));
    RawClient client = client(port(closed.bind().get(1)));
    for (String[] call :
        List.of(new String[] {"POST", "/models?url=a"}, new String[] {"DELETE", "/models/cats"})) {
      RawResponse response = client.request(call[0], call[1], "").read();
      assertEquals(response.status(), 405);
      assertTrue(
          response
              .body()
              .contains("\"Requested method is not allowed, please refer to API document.\""));
      assertTrue(response.body().contains("--enable-model-api"), response.body());
      assertTrue(response.body().contains("enable_model_api"), response.body());
      assertFalse(response.header("allow").contains(call[0]));
    }
    assertTrue(models.requests.isEmpty());
    assertEquals(client.request("PUT", "/models/cats", "").read().status(), 200);
    assertEquals(client.request("PUT", "/models/cats/1.0/set-default", "").read().status(), 200);
  }

  @Test
  public void listIsCutIntoPages() throws Exception {
    models.entries =
        IntStream.range(0, 150)
            .mapToObj(i -> new ModelEntry(String.format("m%03d", i), "m" + i + ".mar"))
            .toList();
    RawClient client = management();
    assertPage(client.get("/models"), 100, "100");
    assertPage(client.get("/models?next_page_token=100"), 50, null);
    assertPage(client.get("/models?limit=50&next_page_token=50"), 50, "100");
    assertPage(client.get("/models?limit=50&next_page_token=100"), 50, null);
    assertPage(client.get("/models?limit=0"), 100, "100");
    assertPage(client.get("/models?limit=-1&next_page_token=-7"), 100, "100");
    assertPage(client.get("/models?limit=1000"), 100, "100");
    assertPage(client.get("/models?next_page_token=9999"), 0, null);
    RawResponse wrong = client.get("/models?next_page_token=x");
    assertEquals(wrong.status(), 400);
    assertTrue(
        wrong.body().replace("\\", "").contains("next_page_token is \"x\", expected an integer"),
        wrong.body());
    assertEquals(client.get("/models?limit=ten").status(), 400);
  }

  @Test
  public void formSaysWhatTheQueryDoesNot() throws Exception {
    management().post("/models?initial_workers=3&url=", "url=a.mar&initial_workers=5", FORM);
    RegisterModel registered = registration();
    assertEquals(registered.source().url(), "a.mar");
    assertEquals(registered.requested().initialWorkers(), OptionalInt.of(3));
  }

  private static void assertPage(RawResponse response, int size, String token) {
    JsonObject json = JsonParser.parseString(response.body()).getAsJsonObject();
    assertEquals(json.getAsJsonArray("models").size(), size);
    assertEquals(json.has("nextPageToken") ? json.get("nextPageToken").getAsString() : null, token);
  }

  @Test
  public void descriptionHasTheMembersThatClientsKnow() throws Exception {
    RawClient client = management();
    JsonArray one = JsonParser.parseString(client.get("/models/cats").body()).getAsJsonArray();
    JsonObject model = one.get(0).getAsJsonObject();
    assertEquals(model.get("modelVersion").getAsString(), "1.0");
    assertEquals(model.get("maxBatchDelay").getAsInt(), 100);
    assertEquals(model.get("responseTimeout").getAsInt(), 120);
    assertEquals(model.get("maxRetryTimeoutInSec").getAsInt(), 300);
    assertEquals(model.get("parallelType").getAsString(), "");
    assertEquals(
        model.getAsJsonObject("jobQueueStatus").toString(),
        "{\"remainingCapacity\":97,\"pendingRequests\":3}");
    JsonObject worker = model.getAsJsonArray("workers").get(0).getAsJsonObject();
    assertEquals(worker.get("id").getAsString(), "9000");
    assertEquals(worker.get("status").getAsString(), "READY");
    assertEquals(worker.get("startTime").getAsString(), "2030-01-01T10:00:00.123Z");
    assertEquals(worker.get("pid").getAsInt(), 4711);
    assertEquals(
        JsonParser.parseString(client.get("/models/cats/all").body()).getAsJsonArray().size(), 2);
    assertEquals(client.get("/models/cats/9").status(), 404);
    assertEquals(client.get("/models/dogs").status(), 404);
  }

  @Test
  public void descriptionTellsWhyAModelIsDown() throws Exception {
    RawClient client = management();
    JsonObject well = describe(client, "1.0");
    assertEquals(well.get("state").getAsString(), "READY");
    assertEquals(well.get("readyWorkers").getAsInt(), 1);
    for (String absent : List.of("reason", "recovery", "lastError", "lastLoadError")) {
      assertFalse(well.has(absent), absent);
    }
    JsonObject down = describe(client, "2.0");
    assertEquals(down.get("state").getAsString(), "RECOVERING");
    assertEquals(down.get("reason").getAsString(), "no worker");
    JsonObject last = down.getAsJsonObject("lastError").deepCopy();
    assertFalse(last.remove("traceback").getAsString().isEmpty());
    assertEquals(down.getAsJsonObject("lastLoadError"), last, "the traceback is told once");
    JsonObject worker = down.getAsJsonArray("workers").get(0).getAsJsonObject();
    assertEquals(worker.get("status").getAsString(), "FAILED");
    assertEquals(worker.get("state").getAsString(), "BACKOFF");
    assertEquals(worker.get("stateSince").getAsString(), "2030-01-01T10:00:00.123Z");
    assertEquals(worker.get("restarts").getAsInt(), 2);
    assertFalse(worker.has("pid"));
    assertEquals(
        worker.getAsJsonObject("recovery").toString(),
        "{\"failures\":3,\"since\":\"2030-01-01T10:00:00.123Z\","
            + "\"nextAttempt\":\"2030-01-01T10:00:02.123Z\","
            + "\"windowEnd\":\"2030-01-01T10:05:00.123Z\"}");
    assertEquals(down.getAsJsonObject("recovery"), worker.getAsJsonObject("recovery"));
    assertEquals(
        worker.getAsJsonObject("lastExit").toString(),
        "{\"time\":\"2030-01-01T10:00:00.123Z\",\"signal\":9,\"reason\":\"killed\"}");
    assertEquals(worker.getAsJsonObject("lastError"), last);
    assertEquals(
        down.getAsJsonObject("lastError").toString(),
        "{\"time\":\"2030-01-01T10:00:00.123Z\",\"type\":\"ImportError\","
            + "\"message\":\"Load model failed\",\"detail\":\"ImportError: no x\","
            + "\"traceback\":\"Traceback\"}");
  }

  private static JsonObject describe(RawClient client, String version) throws Exception {
    return JsonParser.parseString(client.get("/models/cats/" + version).body())
        .getAsJsonArray()
        .get(0)
        .getAsJsonObject();
  }

  @DataProvider
  public Object[][] customizedResponses() {
    return new Object[][] {
      {"{\"a\": 1}", "{\"a\":1}"},
      {"[1]", "{}"},
      {"not json", "{}"},
      {"", null},
      {"null", null},
    };
  }

  @Test(dataProvider = "customizedResponses")
  public void customizedDescriptionAsksTheHandler(String said, String shown) throws Exception {
    inference.respond(
        (seen, sink) ->
            sink.complete(
                FakeInference.text(), Unpooled.copiedBuffer(said, StandardCharsets.UTF_8)));
    RawResponse response = management().get("/models/cats?customized=true");
    assertEquals(response.status(), 200);
    assertEquals(response.header("content-type"), "application/json");
    JsonObject model =
        JsonParser.parseString(response.body()).getAsJsonArray().get(0).getAsJsonObject();
    assertEquals(
        model.has("customizedMetadata") ? model.get("customizedMetadata").toString() : null, shown);
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.kind(), RequestKind.DESCRIBE);
    assertEquals(seen.headers(), List.of(new Header("describe", "True")));
    assertEquals(seen.version(), "1.0");
    assertTrue(seen.parts().isEmpty());
  }

  @Test
  public void customizedDescriptionFailsLikeAPrediction() throws Exception {
    inference.respond(
        (seen, sink) ->
            sink.fail(new ServingException(ErrorKind.PREDICTION_FAILED, "Prediction failed")));
    assertEquals(management().get("/models/cats?customized=true").status(), 503);
    assertEquals(management().get("/models/cats?customized=false").status(), 200);
  }

  @Test
  public void readinessIsReal() throws Exception {
    for (RawClient client : List.of(client(), management())) {
      models.ready = true;
      RawResponse response = client.get("/v1/models/cats");
      assertEquals(response.status(), 200);
      assertTrue(response.body().endsWith("\"name\": \"cats\",\n  \"ready\": true\n}\n"));
      models.ready = false;
      response = client.get("/v1/models/cats");
      assertEquals(response.status(), 503);
      assertTrue(response.body().contains("\"ready\": false"));
      assertEquals(client.get("/v1/models/dogs").status(), 404);
    }
  }

  @Test
  public void pingNamesTheModelsThatAreShort() throws Exception {
    models.health =
        new HealthReport(List.of(new HealthReport.ShortModel("cats", "1.0", 0, 2, "it died")));
    RawClient client = client();
    RawResponse response = client.get("/ping");
    assertEquals(response.status(), 500);
    assertEquals(
        response.body(),
        """
        {
          "status": "Unhealthy",
          "models": [
            {
              "name": "cats",
              "version": "1.0",
              "ready": 0,
              "min": 2,
              "reason": "it died"
            }
          ]
        }
        """);
    assertEquals(client.request("HEAD", "/ping", null).read(false).status(), 500);
  }

  @Test
  public void readySaysWhetherRequestsShouldBeSentHereAndWhyNot() throws Exception {
    RawClient client = client();
    for (String path : List.of("/ready", "/ready/cats", "/ready/cats/2.0")) {
      models.ready = true;
      assertEquals(client.get(path).status(), 200, path);
      assertEquals(client.get(path).body(), "{\n  \"status\": \"Ready\"\n}\n");
      models.ready = false;
      RawResponse response = client.get(path);
      assertEquals(response.status(), 503, path);
      assertEquals(
          response.body(),
          """
          {
            "status": "NotReady",
            "models": [
              {
                "name": "cats",
                "version": "1.0",
                "ready": 0,
                "min": 1,
                "reason": "ImportError: no x"
              }
            ]
          }
          """);
      assertEquals(client.request("HEAD", path, null).read(false).status(), 503);
      assertEquals(client.request("POST", path, "").read().status(), 405);
    }
    models.notReady = new ReadinessReport("The server is shutting down.", List.of());
    assertEquals(
        client.get("/ready").body(),
        "{\n  \"status\": \"NotReady\",\n  \"reason\": \"The server is shutting down.\"\n}\n");
    assertEquals(client.get("/ready/dogs").status(), 404);
    assertEquals(client.get("/ready/cats/9").status(), 404);
    assertEquals(client.get("/ready/cats/1.0/x").status(), 404);
    assertEquals(management().get("/ready").status(), 404);
  }

  @Test
  public void managementDoesNotServeInferenceNorTheOtherWayRound() throws Exception {
    assertEquals(management().post("/predictions/cats", "x").status(), 404);
    assertEquals(management().get("/ping").status(), 404);
    assertEquals(management().get("/token").status(), 404);
    assertEquals(client().get("/models/cats").status(), 404);
    assertNull(inference.seen.poll());
  }
}
