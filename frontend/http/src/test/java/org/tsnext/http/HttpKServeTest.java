package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.time.Clock;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.TokenSettings;

/**
 * A server with tokens for which KServe is on: one listener for inference and management, as in
 * KServe's examples, and one for KServe.
 */
public class HttpKServeTest extends HttpTestBase {

  private static final String MANAGE = "Authorization: Bearer manage";

  private Set<Access> open = Set.of(Access.PROBE, Access.DESCRIPTION, Access.INFERENCE);
  private int kservePort;
  private int combinedPort;

  @Override
  AccessSettings access() {
    AccessTokens tokens = new AccessTokens(Clock.system());
    tokens.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    tokens.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    TokenSettings settings =
        new TokenSettings(
            tokens, Optional.of(kind -> CompletableFuture.completedFuture(null)), open, false);
    return new AccessSettings(
        Optional.of(settings), new HostSettings(List.of()), ConnectionLimits.none());
  }

  @Override
  OpenInferenceSettings openInference() {
    return new OpenInferenceSettings(true, Runnable::run);
  }

  @BeforeMethod
  public void startKServe() throws IOException {
    open = Set.of(Access.PROBE, Access.DESCRIPTION, Access.INFERENCE);
    bindWithKServe();
  }

  private void bindWithKServe() throws IOException {
    List<BoundListener> listeners =
        bindOnOneAddress(
            address -> {
              HttpSettings plain = settings(address, address, CorsSettings.none(), true);
              return new HttpSettings(
                  new HttpSettings.Addresses(
                      address,
                      address,
                      Optional.empty(),
                      Optional.of(new ListenAddress.Tcp("127.0.0.1", 0))),
                  plain.sockets(),
                  plain.bodies(),
                  plain.cors(),
                  plain.access(),
                  plain.api());
            });
    assertEquals(listeners.size(), 2);
    assertEquals(listeners.get(1).roles(), Set.of(ListenerRole.KSERVE));
    combinedPort = port(listeners.get(0));
    kservePort = port(listeners.get(1));
  }

  @DataProvider
  public Object[][] inferenceRoutes() {
    return new Object[][] {
      {"GET", "/"},
      {"POST", "/v1/models/cats:predict"},
      {"POST", "/v1/models/cats:explain"},
      {"GET", "/v1/models/cats"},
      {"GET", "/v2"},
      {"GET", "/v2/health/live"},
      {"GET", "/v2/health/ready"},
      {"GET", "/v2/models/cats"},
      {"GET", "/v2/models/cats/ready"},
      {"POST", "/v2/models/cats/infer"},
      {"POST", "/predictions/cats"},
      {"GET", "/ping"},
    };
  }

  @Test(dataProvider = "inferenceRoutes")
  public void inferenceNeedsNoTokenOnEitherListener(String method, String path) throws Exception {
    for (int each : new int[] {kservePort, combinedPort}) {
      for (String token : new String[] {"X: y", "Authorization: Bearer wrong", MANAGE}) {
        RawResponse response = client(each).request(method, path, "{}", token).read();
        assertEquals(response.status(), 200, path + " " + token + response.body());
      }
    }
  }

  @DataProvider
  public Object[][] managementRoutes() {
    return new Object[][] {
      {"GET", "/models"},
      {"POST", "/models?url=x"},
      {"GET", "/models/cats"},
      {"GET", "/models/cats/1.0"},
      {"GET", "/models/cats/all"},
      {"GET", "/models/cats?customized=true"},
      {"PUT", "/models/cats"},
      {"DELETE", "/models/cats"},
      {"PUT", "/models/cats/1.0/set-default"},
      {"GET", "/token?type=inference"},
      {"PATCH", "/models/cats"},
      {"GET", "/nowhere"},
    };
  }

  @Test(dataProvider = "managementRoutes")
  public void managementNeedsItsTokenAlsoOnTheSharedListenerAndIsNotOnKServes(
      String method, String path) throws Exception {
    RawResponse shared = client(combinedPort).request(method, path, null).read();
    assertEquals(shared.status(), 401, path + shared.body());
    RawResponse kserve = client(kservePort).request(method, path, null).read();
    assertEquals(kserve.status(), 404, path + kserve.body());
    RawResponse withToken = client(kservePort).request(method, path, null, MANAGE).read();
    assertEquals(withToken.status(), 404, path + withToken.body());
  }

  @Test
  public void inferenceTokenStillOpensNoManagement() throws Exception {
    RawResponse described = client(combinedPort).get("/models/cats", "Authorization: Bearer ask");
    assertEquals(described.status(), 403, described.body());
    assertEquals(client(combinedPort).get("/models/cats", MANAGE).status(), 200);
  }

  @Test
  public void serversTokenStaysFromHandlers() throws Exception {
    for (int each : new int[] {kservePort, combinedPort}) {
      client(each).post("/v1/models/cats:predict", "{}", MANAGE);
      assertNull(inference.next().header("Authorization"));
    }
  }

  @Test
  public void kserveListenerNeedsNoTokenWhateverIsTokenFreeElsewhere() throws Exception {
    open = Set.of(Access.INFERENCE);
    bindWithKServe();
    assertEquals(client(kservePort).get("/v2/health/ready").status(), 200);
    assertEquals(client(kservePort).get("/").status(), 200);
    assertEquals(client(kservePort).get("/v2").status(), 200);
    assertEquals(client(combinedPort).get("/v2/health/ready").status(), 401);
  }

  @Test
  public void serverIsAliveAndListsItsModelsAsKServesDoes() throws Exception {
    assertEquals(client(kservePort).get("/").body(), "{\n  \"status\": \"alive\"\n}\n");
    assertEquals(client(combinedPort).get("/").body(), "{\n  \"status\": \"alive\"\n}\n");
    for (String path : List.of("/v1/models", "/v2/models")) {
      JsonObject listed =
          JsonParser.parseString(client(kservePort).get(path).body()).getAsJsonObject();
      String names = path.startsWith("/v1") ? "[\"acme/cats\",\"cats\"]" : "[\"cats\"]";
      assertEquals(listed.get("models").toString(), names);
      // Inference asks for no token there; the names of KServe v2 are on its own port alone.
      assertEquals(client(combinedPort).get(path).status(), path.startsWith("/v1") ? 200 : 401);
    }
  }

  @Test
  public void probesOfModelsSeeTheStatus() throws Exception {
    for (int each : new int[] {kservePort, combinedPort}) {
      models.ready = true;
      assertEquals(client(each).get("/v1/models/cats").status(), 200);
      models.ready = false;
      RawResponse response = client(each).get("/v1/models/cats");
      assertEquals(response.status(), 503);
      assertTrue(response.body().endsWith("\"name\": \"cats\",\n  \"ready\": false\n}\n"));
      assertEquals(client(each).get("/v2/models/cats/ready").status(), 503);
      assertEquals(client(each).get("/v2/health/ready").status(), 503);
      assertEquals(client(each).get("/v2/health/live").status(), 200);
    }
    assertEquals(client(kservePort).get("/v1/models/dogs").status(), 404);
  }

  @Test
  public void errorsHaveTheMemberThatKServesClientsRead() throws Exception {
    for (String path : List.of("/v1/models/dogs", "/v2/models/dogs")) {
      JsonObject error =
          JsonParser.parseString(client(kservePort).get(path).body()).getAsJsonObject();
      assertEquals(error.get("error"), error.get("message"));
    }
  }

  @Test
  public void descriptionSaysWhatNeedsATokenOnItsListener() throws Exception {
    assertFalse(description(kservePort).toString().contains("\"security\""));
    JsonObject paths = description(combinedPort).getAsJsonObject("paths");
    assertTrue(paths.getAsJsonObject("/models").getAsJsonObject("get").has("security"));
    JsonObject predict = paths.getAsJsonObject("/v1/models/{model_name}:predict");
    assertFalse(predict.getAsJsonObject("post").has("security"));
  }

  private JsonObject description(int toPort) throws Exception {
    return JsonParser.parseString(client(toPort).request("OPTIONS", "/", null).read().body())
        .getAsJsonObject();
  }

  @Test
  public void foreignPageUsesNoModelThroughABrowserOfThisMachine() throws Exception {
    for (int each : new int[] {kservePort, combinedPort}) {
      RawResponse page =
          client(each).post("/v1/models/cats:predict", "{}", "Origin: https://evil.example");
      assertEquals(page.status(), 403, page.body());
      RawResponse read = client(each).get("/v2", "Origin: https://evil.example");
      assertEquals(read.status(), 403, read.body());
    }
    assertTrue(inference.isEmpty());
  }
}
