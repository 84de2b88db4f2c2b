package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.testing.FakeInference.Part;
import org.tsnext.core.testing.FakeInference.Seen;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;

public class PredictionTest extends HttpTestBase {

  @DataProvider
  public Object[][] routes() {
    RequestKind predict = RequestKind.PREDICT;
    RequestKind explain = RequestKind.EXPLAIN;
    return new Object[][] {
      {"/predictions/m", "m", null, predict, "False", ""},
      {"/predictions/m/", "m", null, predict, "False", ""},
      {"/predictions/m/1.0", "m", "1.0", predict, "False", ""},
      {"/predictions/m/1.0/v1/chat", "m", "1.0", predict, "False", "v1/chat"},
      {"/predictions/a%20b+c", "a b+c", null, predict, "False", ""},
      {"/predictions/m%2F1.0", "m/1.0", null, predict, "False", ""},
      {"/predictions/m/1.0%2Fx", "m", "1.0/x", predict, "False", ""},
      {"/predictions/m/1.0/a%2Fb/c%2F", "m", "1.0", predict, "False", "a/b/c/"},
      {"/%6d/predic%74", "m", null, predict, null, null},
      {"/explanations/m", "m", null, explain, "True", ""},
      {"/explanations/m/2.0", "m", "2.0", explain, "True", ""},
      {"/models/m/invoke", "m", null, predict, null, null},
      {"/m/predict", "m", null, predict, null, null},
      {"/m/1.0/predict", "m", "1.0", predict, null, null},
      {"/invocations?model_name=m", "m", null, predict, null, null},
      {"/v1/models/m:predict", "m", null, predict, "False", null},
      {"/v1/models/m:explain", "m", null, explain, "True", null},
      {"/v2/models/m/infer", "m", null, predict, "False", null},
      {"/v2/models/m/explain", "m", null, explain, "True", null},
    };
  }

  @Test(dataProvider = "routes")
  public void routesLeadToModels(
      String path, String model, String version, RequestKind kind, String explain, String urlPath)
      throws Exception {
    for (String method : List.of("GET", "POST", "PUT")) {
      assertEquals(client().request(method, path, "x").read().body(), "ok");
      Seen seen = inference.next();
      assertEquals(seen.model(), model);
      assertEquals(seen.version(), version);
      assertEquals(seen.kind(), kind);
      assertEquals(seen.header("explain"), explain);
      assertEquals(seen.header("url_path"), urlPath);
    }
    RawResponse wrong = client().request("DELETE", path, null).read();
    assertEquals(wrong.status(), 405);
    assertTrue(wrong.header("allow").startsWith("GET, HEAD, PUT, POST"), wrong.header("allow"));
  }

  @DataProvider
  public Object[][] unknownPaths() {
    return new Object[][] {
      {"/predictions"},
      {"/predictions%2Fm"},
      {"/predictions%2fm%2f1.0"},
      {"/%2Fpredictions/m"},
      {"/v1/models/m%2F:explain/x"},
      {"/explanations/"},
      {"//predictions/m"},
      {"/predictions//m"},
      {"/models"},
      {"/models/m/other"},
      {"/metrics"},
      {"/a/b/c/predict"},
      {"/wfpredict"},
      {"/Ping"},
    };
  }

  @Test(dataProvider = "unknownPaths")
  public void unknownPathsAreNotFound(String path) throws Exception {
    RawResponse response = client().post(path, "x");
    assertEquals(response.status(), 404);
    JsonObject body = JsonParser.parseString(response.body()).getAsJsonObject();
    body.remove("detail");
    assertEquals(
        body,
        JsonParser.parseString(
            """
            {
              "code": 404,
              "type": "ResourceNotFoundException",
              "message": "Requested resource is not found, please refer to API document."
            }
            """));
  }

  @Test
  public void headersReachTheHandlerAsSpelledButForReservedOnes() throws Exception {
    client()
        .post(
            "/predictions/m",
            "x",
            "X-My-Header: a",
            "x-my-header: b",
            "Explain: True",
            "describe: True",
            "URL_PATH: ../x",
            "Authorization: Bearer secret",
            "x-request-id: r1");
    Seen seen = inference.next();
    assertEquals(seen.id(), "r1");
    assertEquals(seen.header("X-My-Header"), "a");
    assertEquals(seen.header("x-my-header"), "b");
    assertEquals(seen.header("explain"), "False");
    assertEquals(seen.header("url_path"), "");
    assertEquals(seen.header("Authorization"), "Bearer secret");
    List<String> names =
        seen.headers().stream()
            .map(header -> header.name().toLowerCase(java.util.Locale.ROOT))
            .toList();
    assertFalse(names.contains("describe"));
    assertEquals(names.stream().filter("explain"::equals).count(), 1);
  }

  @Test
  public void rawBodyIsOnePart() throws Exception {
    RawClient client = client();
    client.post("/predictions/m", "{}", "Content-Type: Application/JSON; charset=utf-8");
    assertEquals(inference.next().parts(), List.of(new Part("body", "application/json", "{}")));
    client.post("/predictions/m", "");
    assertEquals(inference.next().parts(), List.of(new Part("body", "", "")));
    client.get("/predictions/m");
    assertEquals(inference.next().parts(), List.of(new Part("body", "", "")));
    client.post("/predictions/m", "x", "Content-Type: multipart/form-data");
    assertEquals(inference.next().parts(), List.of(new Part("body", "multipart/form-data", "x")));
  }

  @Test
  public void formFieldsAreParts() throws Exception {
    RawClient client = client();
    String form = "Content-Type: application/x-www-form-urlencoded";
    client.post("/predictions/m", "a=1&b=x+y%21&a=2&empty=&key", form);
    assertEquals(
        inference.next().parts(),
        List.of(
            new Part("a", "", "1"),
            new Part("b", "", "x y!"),
            new Part("a", "", "2"),
            new Part("empty", "", ""),
            new Part("key", "", "")));
    client.post("/predictions/m", "{\"a\":1}", form);
    assertEquals(inference.next().parts(), List.of(new Part("{\"a\":1}", "", "")));
    RawResponse bad = client.post("/predictions/m", "a=%zz", form);
    assertEquals(bad.status(), 400);
    assertTrue(bad.body().contains("percent-encoding"), bad.body());
    assertEquals(client.post("/predictions/m", "", form).status(), 200);
  }

  @Test
  public void errorsOfTheV2RoutesSayTheMessageAsErrorToo() throws Exception {
    inference.respond(
        (seen, sink) -> sink.fail(new ServingException(ErrorKind.NO_WORKER, "No worker.")));
    assertEquals(
        client().post("/v2/models/m/infer", "x").body(),
        """
        {
          "code": 503,
          "type": "ServiceUnavailableException",
          "message": "No worker.",
          "error": "No worker."
        }
        """);
    RawResponse unknown = client().get("/v2/models/m");
    assertEquals(unknown.status(), 404);
    assertTrue(unknown.body().contains("\"error\": \"Requested resource"), unknown.body());
    assertFalse(client().post("/predictions/m", "x").body().contains("\"error\""));
  }

  @Test
  public void inputsThatNoWorkerCanBeGivenAreRefusedBeforeTheyAreQueued() throws Exception {
    RawClient client = client(port(serve(roomy()).bind().get(0)));
    String form = "Content-Type: application/x-www-form-urlencoded";
    assertEquals(client.post("/predictions/m", "n".repeat(65_535), form).status(), 200);
    inference.next();
    RawResponse name = client.post("/predictions/m", "n".repeat(65_536), form);
    assertEquals(name.status(), 400);
    assertTrue(name.body().contains("\"type\": \"BadRequestException\""), name.body());
    assertTrue(name.body().contains("65536 bytes, expected at most 65535"), name.body());
    RawResponse names = client.post("/predictions/m", ("n".repeat(60_000) + "&").repeat(5), form);
    assertEquals(names.status(), 400);
    assertTrue(names.body().contains("300000 bytes, expected at most 262144"), names.body());
    RawResponse inputs = client.post("/m/predict?a=1", "b=1&".repeat(1024), form);
    assertEquals(inputs.status(), 400);
    assertTrue(inputs.body().contains("1025 inputs, expected at most 1024"), inputs.body());
    assertTrue(inference.isEmpty(), "nothing was queued");
  }

  /** Settings with the size limit of an ordinary server. */
  private static HttpSettings roomy() {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    return new HttpSettings(
        new HttpSettings.Addresses(any, any, Optional.empty()),
        SocketSettings.plain(),
        new HttpSettings.BodySettings(
            HttpSettings.DEFAULT_MAX_REQUEST_SIZE, STREAM_LIMIT, HttpSettings.DEFAULT_BODY_MEMORY),
        CorsSettings.none(),
        AccessSettings.open(),
        new HttpSettings.ApiSettings(
            true, ErrorForm.next(true), "1.0.0", List::of, OpenInferenceSettings.off()));
  }

  @Test
  public void queryBecomesInputsOnTheRoutesThatSaySo() throws Exception {
    RawClient client = client();
    client.post("/m/predict?a=1;b=2&a=3", "x");
    assertEquals(
        inference.next().parts(),
        List.of(new Part("a", "", "1"), new Part("b", "", "2"), new Part("body", "", "x")));
    client.post("/predictions/m?a=1", "x");
    assertEquals(inference.next().parts(), List.of(new Part("body", "", "x")));
  }

  @Test
  public void invocationsFindTheirModel() throws Exception {
    RawClient client = client();
    RawResponse missing = client.post("/invocations", "x");
    assertEquals(missing.status(), 400);
    assertTrue(missing.body().contains("Parameter model_name is required."), missing.body());
    String form = "Content-Type: application/x-www-form-urlencoded";
    client.post("/invocations", "model_name=fromform", form);
    assertEquals(inference.next().model(), "fromform");
    startUpModels.add("only");
    client.post("/invocations", "model_name=fromform", form);
    assertEquals(inference.next().model(), "only");
    client.post("/invocations?model_name=named", "x");
    assertEquals(inference.next().model(), "named");
    startUpModels.add("second");
    assertEquals(client.post("/invocations", "x").status(), 400);
  }

  @Test
  public void handlerDecidesStatusReasonTypeAndHeaders() throws Exception {
    inference.respond(
        (seen, sink) ->
            sink.complete(
                new ResponseHead(
                    418,
                    "I am a teapot",
                    BodyKind.JSON,
                    List.of(
                        new Header("Content-Type", "application/x-tea"),
                        new Header("X-Pot", "brown"),
                        new Header("X-Request-Id", "forged"),
                        new Header("Connection", "upgrade"),
                        new Header("content-length", "99"))),
                Unpooled.copiedBuffer(new byte[] {'t'})));
    RawClient client = client();
    RawResponse response = client.post("/predictions/m", "x", "x-request-id: mine");
    assertEquals(response.statusLine(), "HTTP/1.1 418 I am a teapot");
    assertEquals(response.header("content-type"), "application/x-tea");
    assertEquals(response.header("x-pot"), "brown");
    assertEquals(response.header("x-request-id"), "mine");
    assertEquals(response.header("connection"), "keep-alive");
    assertEquals(response.body(), "t");
  }

  @DataProvider
  public Object[][] endlessHeads() {
    return new Object[][] {
      {new ResponseHead(200, "", BodyKind.TEXT, List.of(new Header("X", "x".repeat(20_000))))},
      {
        new ResponseHead(
            200, "", BodyKind.TEXT, java.util.Collections.nCopies(600, new Header("X", "x")))
      },
      {new ResponseHead(200, "r".repeat(20_000), BodyKind.TEXT, List.of())},
    };
  }

  @Test(dataProvider = "endlessHeads")
  public void headersOfAHandlerWithoutAnEndAreItsError(ResponseHead head) throws Exception {
    inference.respond((seen, sink) -> sink.complete(head, Unpooled.EMPTY_BUFFER));
    RawClient client = client();
    RawResponse whole = client.post("/predictions/m", "x");
    assertEquals(whole.status(), 500);
    assertTrue(whole.body().contains("expected at most 16384"), whole.body());
    inference.respond((seen, sink) -> sink.chunk(head, Unpooled.copiedBuffer(new byte[] {'t'})));
    assertEquals(client.post("/predictions/m", "x").status(), 500);
  }

  @DataProvider
  public Object[][] bodyKinds() {
    return new Object[][] {
      {BodyKind.JSON, "application/json"},
      {BodyKind.TEXT, "text/plain; charset=utf-8"},
      {BodyKind.BYTES, "application/octet-stream"},
      {BodyKind.TENSOR, "application/octet-stream"},
    };
  }

  @Test(dataProvider = "bodyKinds")
  public void contentTypeFollowsWhatTheHandlerReturned(BodyKind kind, String type)
      throws Exception {
    inference.respond(
        (seen, sink) ->
            sink.complete(
                new ResponseHead(0, "", kind, List.of()), Unpooled.copiedBuffer(new byte[10_000])));
    RawResponse response = client().post("/predictions/m", "x");
    assertEquals(response.header("content-type"), type);
    assertEquals(response.body().length(), 10_000);
  }

  @DataProvider
  public Object[][] invalidHeads() {
    return new Object[][] {
      {new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("x", "a\r\nset-cookie: b")))},
      {new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("x\r\ny", "a")))},
      {new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("x y", "a")))},
      {new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("", "a")))},
      {new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("content-type", "a\nb")))},
      {new ResponseHead(200, "OK\r\nx: y", BodyKind.TEXT, List.of())},
      {new ResponseHead(101, "", BodyKind.TEXT, List.of())},
    };
  }

  @Test(dataProvider = "invalidHeads")
  public void invalidHeadOfAHandlerIsAClearError(ResponseHead head) throws Exception {
    inference.respond((seen, sink) -> sink.complete(head, Unpooled.buffer().writeByte('x')));
    RawClient client = client();
    RawResponse response = client.post("/predictions/m", "x");
    assertEquals(response.status(), 500);
    assertTrue(response.body().contains("The handler set an invalid "), response.body());
    assertNull(response.header("set-cookie"));
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void responseWithoutContentHasNoBody() throws Exception {
    inference.respond(
        (seen, sink) ->
            sink.complete(
                new ResponseHead(204, "", BodyKind.JSON, List.of()),
                Unpooled.buffer().writeByte('x')));
    RawClient client = client();
    RawResponse response = client.post("/predictions/m", "x");
    assertEquals(response.status(), 204);
    assertNull(response.header("content-length"));
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void errorsAreRenderedFromTheTable() throws Exception {
    RawClient client = client();
    for (ErrorKind kind : ErrorKind.values()) {
      ServingException error = new ServingException(kind, "it \"broke\" <b>").withDetail("why");
      String detail = ErrorForm.next(true).detail(error).orElseThrow();
      assertTrue(detail.startsWith("why"), detail);
      inference.respond((seen, sink) -> sink.fail(error));
      RawResponse response = client.post("/predictions/m", "x");
      assertEquals(response.status(), kind.httpStatus());
      assertEquals(
          response.body(),
          "{\n  \"code\": "
              + kind.httpStatus()
              + ",\n  \"type\": \""
              + kind.type()
              + "\",\n  \"message\": \"it \\\"broke\\\" <b>\",\n  \"detail\": \""
              + detail
              + "\"\n}\n");
      boolean passes =
          kind == ErrorKind.TOO_MANY_JOBS
              || (kind.httpStatus() == 503 && kind != ErrorKind.PREDICTION_FAILED);
      assertEquals(response.header("retry-after"), passes ? "1" : null);
      assertEquals(response.header("www-authenticate"), kind.httpStatus() == 401 ? "Bearer" : null);
      assertEquals(response.header("connection"), "keep-alive");
    }
  }

  @Test
  public void retryAfterIsInWholeSeconds() throws Exception {
    inference.respond(
        (seen, sink) ->
            sink.fail(
                new ServingException(ErrorKind.NO_WORKER, "none")
                    .withRetryAfter(Duration.ofMillis(2001))));
    assertEquals(client().post("/predictions/m", "x").header("retry-after"), "3");
  }

  @Test
  public void badTargetsAreRefused() throws Exception {
    RawClient client = client();
    assertEquals(client.get("/predictions/%zz").status(), 400);
    assertEquals(client.get("/predictions/%4").status(), 400);
    assertEquals(client.get("/m/predict?" + "a&".repeat(1025)).status(), 400);
    assertEquals(client.get("/ping").status(), 200);
  }
}
