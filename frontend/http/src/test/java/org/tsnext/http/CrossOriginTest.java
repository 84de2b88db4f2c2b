package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNull;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.Test;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.time.Clock;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.TokenSettings;

/** Web pages of other origins, with tokens on: their browsers ask first, without a key. */
public class CrossOriginTest extends HttpTestBase {

  private static final String[] PREFLIGHT = {
    "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"
  };

  @Override
  AccessSettings access() {
    TokenSettings tokens =
        new TokenSettings(
            new AccessTokens(Clock.system()),
            Optional.of(kind -> CompletableFuture.completedFuture(null)),
            Set.of(),
            false);
    return new AccessSettings(
        Optional.of(tokens), new HostSettings(List.of()), ConnectionLimits.none());
  }

  private RawClient serving(String origins) throws Exception {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    CorsSettings cors =
        new CorsSettings(
            Optional.of(origins),
            Optional.of("POST"),
            Optional.of("authorization"),
            Optional.of(Duration.ofMinutes(10)));
    return client(port(serve(settings(any, any, cors, true)).bind().get(0)));
  }

  private static RawResponse preflight(RawClient client, String path, String origin)
      throws Exception {
    return client
        .request("OPTIONS", path, null, "Origin: " + origin, PREFLIGHT[0], PREFLIGHT[1])
        .read(false);
  }

  @Test
  public void preflightGetsItsResponseWithoutATokenOnEveryPath() throws Exception {
    RawClient client = serving("https://a.example");
    for (String path : List.of("/predictions/cats", "/ping", "/no/such/path")) {
      RawResponse response = preflight(client, path, "https://a.example");
      assertEquals(response.status(), 204);
      assertEquals(response.header("access-control-allow-origin"), "https://a.example");
      assertEquals(response.header("access-control-allow-methods"), "POST");
      assertEquals(response.header("access-control-allow-headers"), "authorization");
      assertEquals(response.header("access-control-max-age"), "600");
    }
  }

  @Test
  public void preflightOpensNothing() throws Exception {
    RawClient client = serving("https://a.example");
    RawResponse response =
        client.post("/predictions/cats", "x", "Origin: https://a.example", PREFLIGHT[0]);
    assertEquals(response.status(), 401);
    assertEquals(response.header("access-control-allow-origin"), "https://a.example");
    assertNull(response.header("access-control-max-age"));
    assertEquals(client.request("OPTIONS", "/predictions/cats", null).read().status(), 401);
  }

  @Test
  public void oneOriginIsSentVerbatimToEveryClient() throws Exception {
    RawClient client = serving("https://a.example");
    RawResponse response = client.get("/ping", "Origin: https://stranger.example");
    assertEquals(response.header("access-control-allow-origin"), "https://a.example");
    assertNull(response.header("vary"));
    assertEquals(serving("*").get("/ping").header("access-control-allow-origin"), "*");
  }

  @Test
  public void ofSeveralOriginsTheAskingOneGetsItsResponse() throws Exception {
    RawClient client = serving("https://a.example, https://B.example:8443");
    for (String origin : List.of("https://a.example", "https://b.example:8443")) {
      assertEquals(
          preflight(client, "/predictions/cats", origin).header("access-control-allow-origin"),
          origin);
      RawResponse response = client.get("/ping", "Origin: " + origin);
      assertEquals(response.header("access-control-allow-origin"), origin);
      assertEquals(response.header("vary"), "Origin");
    }
  }

  @Test
  public void strangersGetNoOriginBack() throws Exception {
    RawClient client = serving("https://a.example,https://b.example");
    for (String origin :
        List.of(
            "https://a.example.evil",
            "http://a.example",
            "null",
            "https://a.example,https://b.example")) {
      RawResponse response = client.get("/ping", "Origin: " + origin);
      assertNull(response.header("access-control-allow-origin"), origin);
      assertEquals(response.header("vary"), "Origin");
      assertEquals(preflight(client, "/ping", origin).status(), 204);
    }
    assertNull(client.get("/ping").header("access-control-allow-origin"));
  }
}
