package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.testing.FakeInference.Seen;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.TokenSettings;
import org.tsnext.transport.testing.CapturedLog;

/** A server whose keys are {@code ask}, {@code manage} and {@code replace}. */
public class TokenTest extends HttpTestBase {

  private static final String REFUSAL =
      "Token Authorization failed. Token either incorrect, expired, or not provided correctly";
  private static final String ASK = "Authorization: Bearer ask";
  private static final String MANAGE = "Authorization: Bearer manage";
  private static final String REPLACE = "Authorization: Bearer replace";

  private final ManualTime time = new ManualTime();
  private final List<TokenKind> rotated = new ArrayList<>();
  private Set<Access> open;
  private boolean as400;
  private CompletableFuture<Void> rotation;

  @Override
  AccessSettings access() {
    AccessTokens keys = new AccessTokens(time);
    Optional<Duration> hour = Optional.of(Duration.ofHours(1));
    keys.put(TokenKind.INFERENCE, "ask", hour, Duration.ZERO);
    keys.put(TokenKind.MANAGEMENT, "manage", hour, Duration.ZERO);
    keys.put(TokenKind.API, "replace", Optional.empty(), Duration.ZERO);
    rotated.clear();
    rotation = CompletableFuture.completedFuture(null);
    TokenSettings tokens =
        new TokenSettings(
            keys,
            Optional.of(
                kind -> {
                  rotated.add(kind);
                  return rotation;
                }),
            open == null ? EnumSet.of(Access.PROBE, Access.DESCRIPTION) : open,
            as400);
    return new AccessSettings(
        Optional.of(tokens), new HostSettings(List.of()), ConnectionLimits.none());
  }

  /** Another server, with what the fields say now. */
  private int[] serveAgain() throws IOException {
    List<BoundListener> listeners = serve(settings()).bind();
    open = null;
    as400 = false;
    return new int[] {port(listeners.get(0)), port(listeners.get(1))};
  }

  private static void assertRefused(RawResponse response, int status, String detail) {
    assertEquals(response.status(), status, response.body());
    assertTrue(response.body().contains("\"type\": \"InvalidKeyException\""), response.body());
    assertTrue(response.body().contains("\"code\": " + status), response.body());
    assertTrue(response.body().contains(REFUSAL), response.body());
    assertTrue(response.body().contains(detail), response.body());
    assertEquals(response.header("www-authenticate"), status == 401 ? "Bearer" : null);
  }

  @Test
  public void apiDescriptionSaysWhichRoutesNeedAKey() throws Exception {
    JsonObject document =
        JsonParser.parseString(management().request("OPTIONS", "/", null).read().body())
            .getAsJsonObject();
    JsonObject paths = document.getAsJsonObject("paths");
    assertEquals(
        paths.getAsJsonObject("/models").getAsJsonObject("get").get("security").toString(),
        "[{\"token\":[]}]");
    assertFalse(
        paths.getAsJsonObject("/v1/models/{model_name}").getAsJsonObject("get").has("security"));
    JsonObject schemes = document.getAsJsonObject("components").getAsJsonObject("securitySchemes");
    assertEquals(schemes.getAsJsonObject("token").get("scheme").getAsString(), "bearer");
  }

  @DataProvider
  public Object[][] inferenceRoutes() {
    return new Object[][] {
      {"POST", "/predictions/cats"},
      {"POST", "/predictions/cats/1.0"},
      {"PUT", "/explanations/cats"},
      {"GET", "/invocations?model_name=cats"},
      {"POST", "/models/cats/invoke"},
      {"POST", "/cats/predict"},
      {"POST", "/v1/models/cats:predict"},
      {"POST", "/v1/models/cats:explain"},
      {"POST", "/v2/models/cats/infer"},
      {"OPTIONS", "/predictions/cats"},
      {"POST", "/wfpredict/flow"},
    };
  }

  @Test(dataProvider = "inferenceRoutes")
  public void inferenceRoutesNeedTheInferenceKey(String method, String path) throws Exception {
    RawClient client = client();
    assertRefused(client.request(method, path, "x").read(), 401, "needs the inference token");
    assertRefused(client.request(method, path, "x", MANAGE).read(), 403, "for another API");
    assertRefused(client.request(method, path, "x", REPLACE).read(), 403, "for another API");
    int status = client.request(method, path, "x", ASK).read().status();
    assertTrue(status != 401 && status != 403, method + " " + path + ": " + status);
  }

  @DataProvider
  public Object[][] routesOfHandlers() {
    return new Object[][] {
      {"POST", "/predictions/cats"},
      {"GET", "/predictions/cats/1.0/some/path"},
      {"PUT", "/explanations/cats"},
      {"POST", "/explanations/cats/1.0"},
      {"GET", "/invocations?model_name=cats"},
      {"POST", "/models/cats/invoke"},
      {"POST", "/cats/predict"},
      {"POST", "/cats/1.0/predict"},
      {"POST", "/v1/models/cats:predict"},
      {"POST", "/v1/models/cats:explain"},
      {"POST", "/v2/models/cats/infer"},
      {"POST", "/v2/models/cats/explain"},
      {"POST", "/v2/models/cats/versions/1.0/infer"},
      {"POST", "/v2/models/cats/versions/1.0/explain"},
    };
  }

  @Test(dataProvider = "routesOfHandlers")
  public void theServersTokenStaysFromHandlers(String method, String path) throws Exception {
    for (String name : List.of("Authorization", "authorization", "AUTHORIZATION")) {
      client().request(method, path, "x", name + ": Bearer ask", "X-Own: kept").read();
      Seen seen = inference.next();
      assertEquals(seen.header("X-Own"), "kept");
      assertFalse(
          seen.headers().stream()
              .anyMatch(header -> header.name().equalsIgnoreCase("authorization")),
          seen.headers().toString());
    }
  }

  @Override
  OpenInferenceSettings openInference() {
    return new OpenInferenceSettings(true, Runnable::run);
  }

  @DataProvider
  public Object[][] managementRoutes() {
    return new Object[][] {
      {"GET", "/models"},
      {"POST", "/models?url=cats.mar"},
      {"GET", "/models/cats"},
      {"GET", "/models/cats/all"},
      {"GET", "/models/tokenizer"},
      {"PUT", "/models/cats?min_worker=1"},
      {"DELETE", "/models/cats/1.0"},
      {"PUT", "/models/cats/1.0/set-default"},
      {"OPTIONS", "/models/cats"},
      {"GET", "/workflows"},
    };
  }

  @Test(dataProvider = "managementRoutes")
  public void managementRoutesNeedTheManagementKey(String method, String path) throws Exception {
    RawClient client = management();
    assertRefused(client.request(method, path, null).read(), 401, "needs the management token");
    assertRefused(client.request(method, path, null, ASK).read(), 403, "for another API");
    int status = client.request(method, path, null, MANAGE).read().status();
    assertTrue(status != 401 && status != 403, method + " " + path + ": " + status);
  }

  @DataProvider
  public Object[][] badHeaders() {
    return new Object[][] {
      {"Authorization: Bearer"},
      {"Authorization: Bearer "},
      {"Authorization: Bearer wrong"},
      {"Authorization: Bearerask"},
      {"Authorization: Bearer ask ask"},
      {"Authorization: Bearer Bearer ask"},
      {"Authorization: Basic ask"},
      {"Authorization: ask"},
      {"Authorization: Bearer as"},
      {"Authorization: Bearer asks"},
      {"Authorization: Bearer ASK"},
      {"Authorization: Bearer ask\r\nAuthorization: Bearer ask"},
      {"X-Authorization: Bearer ask"},
      {"Cookie: Bearer=ask"},
      {"Authorization: Bearer " + "x".repeat(4000)},
    };
  }

  @Test(dataProvider = "badHeaders")
  public void whatIsNotOneKnownKeyIs401(String header) throws Exception {
    assertRefused(client().post("/predictions/cats", "x", header), 401, "");
    assertTrue(inference.isEmpty(), "nothing reached a model");
  }

  @DataProvider
  public Object[][] goodHeaders() {
    return new Object[][] {
      {"Authorization: Bearer ask"},
      {"authorization: bearer ask"},
      {"Authorization: BEARER   ask"},
      {"Authorization: Bearer \t ask \t"},
    };
  }

  @Test(dataProvider = "goodHeaders")
  public void letterCaseOfTheSchemeAndBlanksSayNothing(String header) throws Exception {
    assertEquals(client().post("/predictions/cats", "x", header).status(), 200);
  }

  @Test
  public void expiredTokenIs401AndTheResponseSaysWhatToDo() throws Exception {
    time.advance(Duration.ofHours(1));
    RawResponse response = client().post("/predictions/cats", "x", ASK);
    assertRefused(response, 401, "has expired; /token");
  }

  @Test
  public void probesAndDescriptionsAreOpen() throws Exception {
    RawClient client = client();
    assertEquals(client.get("/ping").status(), 200);
    assertEquals(client.get("/ready").status(), 200);
    assertEquals(client.get("/ready/cats/1.0").status(), 200);
    assertEquals(client.get("/v1/models/cats").status(), 200);
    assertEquals(client.request("OPTIONS", "/", null).read().status(), 200);
    assertEquals(client.get("/api-description").status(), 200);
    RawClient management = management();
    assertEquals(management.get("/v1/models/cats").status(), 200);
    assertEquals(management.request("OPTIONS", "/", null).read().status(), 200);
    assertEquals(management.get("/", "X: y").status(), 405);
  }

  @Test
  public void probesAndDescriptionsCanBeClosed() throws Exception {
    open = Set.of();
    int[] ports = serveAgain();
    RawClient client = client(ports[0]);
    for (String path :
        List.of("/ping", "/ready", "/ready/cats", "/v1/models/cats", "/api-description")) {
      assertRefused(client.get(path), 401, "needs the inference or the management token");
      assertEquals(client.get(path, ASK).status(), 200);
      assertEquals(client.get(path, MANAGE).status(), 200);
      // As the OpenAI API does, which names a model by the same path as KServe's.
      assertRefused(client.get(path, REPLACE), path.startsWith("/v1/") ? 401 : 403, "");
    }
  }

  @Test
  public void pathsThatLeadNowhereTellOnlyWhoHasAKey() throws Exception {
    RawClient client = client();
    assertRefused(client.get("/no/such/path"), 401, "");
    assertEquals(client.get("/no/such/path", ASK).status(), 404);
    assertRefused(client.request("DELETE", "/predictions/cats", null).read(), 401, "");
    assertEquals(client.request("DELETE", "/predictions/cats", null, ASK).read().status(), 405);
  }

  @Test
  public void combinedListenerChoosesTheKeyByTheRoute() throws Exception {
    RawClient client = client(port(bindOnOneAddress().get(0)));
    assertEquals(client.post("/predictions/cats", "x", ASK).status(), 200);
    assertEquals(client.get("/models", MANAGE).status(), 200);
    assertEquals(client.get("/models/cats/1.0", MANAGE).status(), 200);
    assertEquals(client.post("/models/cats/invoke", "x", ASK).status(), 200);
    assertRefused(client.post("/models/cats/invoke", "x", MANAGE), 403, "");
    assertRefused(client.get("/models", ASK), 403, "");
    assertEquals(client.get("/token?type=inference", REPLACE).status(), 200);
  }

  @Test
  public void apiTokenReplacesTokensAndTheNewOneIsNotInTheResponse() throws Exception {
    RawClient client = management();
    RawResponse response = client.get("/token?type=inference", REPLACE);
    assertEquals(response.status(), 200);
    assertTrue(
        response.body().startsWith("{\n  \"status\": \"The inference token has been replaced"));
    assertEquals(client.post("/token?type=management", "", REPLACE).status(), 200);
    assertEquals(rotated, List.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT));
  }

  @DataProvider
  public Object[][] badTypes() {
    return new Object[][] {{""}, {"?type="}, {"?type=API"}, {"?type=Inference"}};
  }

  @Test(dataProvider = "badTypes")
  public void onlyTwoKindsCanBeReplaced(String query) throws Exception {
    RawResponse response = management().get("/token" + query, REPLACE);
    assertEquals(response.status(), 400);
    assertTrue(response.body().contains("\"type\": \"InvalidKeyException\""), response.body());
    assertTrue(response.body().contains("Token Authentication failed. "), response.body());
    assertTrue(response.body().contains("expected management or inference"), response.body());
    assertEquals(rotated, List.of());
  }

  @Test
  public void parameterThatTheCallDoesNotHaveReplacesNothing() throws Exception {
    RawResponse response = management().get("/token?type=inference&typ=management", REPLACE);
    assertEquals(response.status(), 400);
    assertTrue(response.body().contains("Unknown parameter typ: did you mean type?"));
    RawResponse other = management().post("/token?kind=inference", "", REPLACE);
    assertTrue(other.body().contains("Unknown parameter kind: expected type."), other.body());
    // Only those who may replace tokens are told the names of parameters.
    assertEquals(management().get("/token?typ=inference", MANAGE).status(), 403);
    assertEquals(rotated, List.of());
  }

  @Test
  public void otherKeysReplaceNothing() throws Exception {
    RawClient client = management();
    RawResponse response = client.get("/token?type=inference");
    assertEquals(response.status(), 401);
    assertTrue(response.body().contains("Token Authentication failed. "), response.body());
    assertTrue(response.body().contains("needs the API token"), response.body());
    assertEquals(client.get("/token?type=inference", MANAGE).status(), 403);
    assertEquals(client.get("/token?type=inference", ASK).status(), 403);
    assertEquals(client().get("/token?type=inference", REPLACE).status(), 403);
    assertEquals(rotated, List.of());
  }

  @Test
  public void rotationThatFailsGetsAResponse() throws Exception {
    rotation =
        CompletableFuture.failedFuture(new ServingException(ErrorKind.CONFLICT, "It was given."));
    RawResponse response = management().get("/token?type=inference", REPLACE);
    assertEquals(response.status(), 409);
    assertTrue(response.body().contains("It was given."), response.body());
  }

  @Test
  public void onlyTheExactPathIsARotation() throws Exception {
    RawClient client = management();
    RawResponse response = client.get("/models/token", MANAGE);
    assertTrue(response.body().contains("ModelNotFoundException"), response.body());
    assertEquals(client.get("/models", MANAGE, "Referer: http://x/token").status(), 200);
    assertEquals(rotated, List.of());
  }

  @Test
  public void statusOfTheOriginalCanBeHad() throws Exception {
    as400 = true;
    int[] ports = serveAgain();
    RawResponse response = client(ports[0]).post("/predictions/cats", "x");
    assertRefused(response, 400, "");
    assertNull(response.header("www-authenticate"));
    assertRefused(client(ports[1]).get("/models", ASK), 400, "");
    assertEquals(client(ports[1]).get("/models", MANAGE).status(), 200);
  }

  @Test
  public void refusalDoesNotWaitForTheBody() throws Exception {
    RawClient client = client();
    client.send("POST /predictions/cats HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\nfirst");
    assertRefused(client.read(), 401, "");
    client.send("x".repeat(895));
    assertEquals(client.post("/predictions/cats", "x", ASK).status(), 200, "same connection");
  }

  @Test
  public void refusalAfterAnExpectationComesInsteadOfContinue() throws Exception {
    RawClient client = client();
    client.send(
        String.join(
            "\r\n",
            "POST /predictions/cats HTTP/1.1",
            "Host: t",
            "Content-Length: 900",
            "Expect: 100-continue",
            "",
            ""));
    RawResponse response = client.read();
    assertRefused(response, 401, "");
    assertEquals(response.header("connection"), "close");
  }

  @Test
  public void responsesHoldNoTokenOfOthers() throws Exception {
    for (String header : List.of("Authorization: Bearer my-secret-guess", ASK, REPLACE)) {
      RawResponse response = management().get("/models", header);
      for (String secret : List.of("my-secret-guess", "Bearer ask", "manage\"", "replace")) {
        assertFalse(response.body().contains(secret), response.body());
      }
    }
  }

  @Test
  public void keysAreNotInTheAccessLog() throws Exception {
    try (CapturedLog log = new CapturedLog("ACCESS_LOG")) {
      client().post("/predictions/cats", "x", "Authorization: Bearer my-secret-guess");
      waitUntil("an access line", () -> !log.lines().isEmpty());
      assertFalse(log.lines().get(0).contains("my-secret-guess"), log.lines().get(0));
    }
  }
}
