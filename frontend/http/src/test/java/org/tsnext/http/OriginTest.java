package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.handler.codec.http2.Http2Headers;
import java.time.Duration;
import java.util.ArrayList;
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
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.TokenSettings;

/** Web pages that ask through the browser of someone on this machine. */
public class OriginTest extends HttpTestBase {

  private static final String FOREIGN = "Origin: http://evil.example";
  private static final String FORM = "Content-Type: text/plain";

  private boolean tokensOn;

  @BeforeMethod(alwaysRun = true)
  public void defaults() {
    tokensOn = false;
  }

  @Override
  AccessSettings access() {
    AccessTokens keys = new AccessTokens(Clock.system());
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.API, "replace", Optional.empty(), Duration.ZERO);
    TokenSettings tokens =
        new TokenSettings(
            keys,
            Optional.of(kind -> CompletableFuture.completedFuture(null)),
            Set.of(Access.PROBE, Access.METRICS),
            false);
    return new AccessSettings(
        tokensOn ? Optional.of(tokens) : Optional.empty(),
        new HostSettings(List.of("pages.example")),
        ConnectionLimits.none());
  }

  @Override
  Optional<ListenAddress> metricsAddress() {
    return Optional.of(new ListenAddress.Tcp("127.0.0.1", 0));
  }

  @Override
  OpenInferenceSettings openInference() {
    return new OpenInferenceSettings(true, Runnable::run);
  }

  private RawResponse ask(int toPort, String method, String path, String... headers)
      throws Exception {
    return client(toPort).request(method, path, null, headers).read();
  }

  private static void assertRefused(RawResponse response) {
    assertEquals(response.status(), 403, response.body());
    assertTrue(
        response.body().contains("\"type\": \"OriginNotAllowedException\""), response.body());
    assertTrue(response.body().contains("cors_allowed_origin"), response.body());
    assertTrue(response.body().contains("allowed_hosts"), response.body());
  }

  @DataProvider
  public Object[][] everything() {
    return new Object[][] {
      {"inference", "POST", "/predictions/cats"},
      {"inference", "GET", "/predictions/cats"},
      {"inference", "PUT", "/explanations/cats/1.0"},
      {"inference", "GET", "/invocations?model_name=cats"},
      {"inference", "POST", "/v1/models/cats:predict"},
      {"inference", "POST", "/v2/models/cats/infer"},
      {"inference", "GET", "/v2/models/cats"},
      {"inference", "GET", "/v2/health/live"},
      {"inference", "GET", "/ping"},
      {"inference", "OPTIONS", "/"},
      {"inference", "GET", "/nowhere"},
      {"management", "POST", "/models?url=cats.mar"},
      {"management", "GET", "/models"},
      {"management", "PUT", "/models/cats?min_worker=1"},
      {"management", "DELETE", "/models/cats"},
      {"management", "PUT", "/models/cats/1.0/set-default"},
      {"metrics", "GET", "/metrics"},
    };
  }

  private int portOf(String listener) {
    return switch (listener) {
      case "management" -> managementPort;
      case "metrics" -> metricsPort;
      default -> port;
    };
  }

  @Test(dataProvider = "everything")
  public void foreignPageUsesNothingOnLoopbackWithoutTokens(
      String listener, String method, String path) throws Exception {
    int to = portOf(listener);
    for (String header :
        List.of(
            FOREIGN,
            "Origin: null",
            "Origin: http://127.0.0.1:1",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site")) {
      assertRefused(ask(to, method, path, FORM, header));
    }
    try (Http2Client client = new Http2Client(to, false)) {
      Http2Headers head = Http2Client.headers(method, path, "origin", "http://evil.example");
      assertEquals(client.begin(head, true).status(), 403);
    }
    assertTrue(inference.isEmpty());
    assertTrue(ask(to, method, path).status() != 403, "programs send no such header");
    assertTrue(ask(to, method, path, "Origin: http://t").status() != 403, "the server's own pages");
    assertTrue(ask(to, method, path, "Sec-Fetch-Site: same-origin").status() != 403);
    assertTrue(ask(to, method, path, "Origin: https://pages.example").status() != 403);
  }

  @Test(dataProvider = "everything")
  public void linkLeadsToPagesOnly(String listener, String method, String path) throws Exception {
    List<String> headers = new ArrayList<>(List.of("Sec-Fetch-Site: cross-site"));
    headers.add("Sec-Fetch-Mode: navigate");
    headers.add("Sec-Fetch-Dest: document");
    boolean page = !method.equals("POST") && !method.equals("PUT") && !method.equals("DELETE");
    page &= !path.startsWith("/predictions") && !path.startsWith("/invocations");
    int to = portOf(listener);
    int status = ask(to, method, path, headers.toArray(String[]::new)).status();
    assertEquals(status != 403, page, method + " " + path + ": " + status);
    headers.set(2, "Sec-Fetch-Dest: iframe");
    assertRefused(ask(to, method, path, headers.toArray(String[]::new)));
  }

  @Test
  public void withTokensForeignPageReadsButChangesNothing() throws Exception {
    tokensOn = true;
    List<BoundListener> listeners = serve(settings()).bind();
    int asking = port(listeners.get(0));
    int managing = port(listeners.get(1));
    String ask = "Authorization: Bearer ask";
    String manage = "Authorization: Bearer manage";
    assertEquals(ask(asking, "GET", "/ping", FOREIGN).status(), 200);
    assertEquals(ask(managing, "GET", "/models", FOREIGN, manage).status(), 200);
    assertRefused(ask(asking, "POST", "/predictions/cats", FOREIGN, ask));
    assertRefused(ask(asking, "GET", "/predictions/cats", FOREIGN, ask));
    assertRefused(ask(managing, "POST", "/models?url=a.mar", FOREIGN, manage));
    assertRefused(ask(managing, "GET", "/models/cats?customized=True", FOREIGN, manage));
    assertRefused(
        ask(managing, "GET", "/token?type=inference", FOREIGN, "Authorization: Bearer replace"));
    assertEquals(ask(asking, "POST", "/predictions/cats", ask).status(), 200);
  }

  @Test
  public void originOfCorsMayUseTheServer() throws Exception {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    CorsSettings cors =
        new CorsSettings(
            Optional.of("https://app.example, https://other.example"),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    int to = port(serve(settings(any, any, cors, true)).bind().get(0));
    RawResponse response =
        ask(
            to,
            "POST",
            "/predictions/cats",
            "Origin: https://other.example",
            "Sec-Fetch-Site: cross-site");
    assertEquals(response.status(), 200);
    assertEquals(response.header("access-control-allow-origin"), "https://other.example");
    assertRefused(ask(to, "POST", "/predictions/cats", FOREIGN));
  }

  @Test
  public void bodyOfARefusedRequestIsNotWaitedFor() throws Exception {
    RawClient client = management();
    client.send(
        "POST /models HTTP/1.1\r\nHost: host\r\n" + FOREIGN + "\r\nContent-Length: 900\r\n\r\nx");
    assertEquals(client.read().status(), 403);
  }
}
