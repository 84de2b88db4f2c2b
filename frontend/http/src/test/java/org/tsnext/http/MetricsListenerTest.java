package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.metrics.ServerMetric;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.core.testing.MetricReader;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.TokenSettings;

/** The metrics listener, and metrics on a combined one. */
public class MetricsListenerTest extends HttpTestBase {

  private static final String TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private AccessSettings access = AccessSettings.open();

  @Override
  Optional<ListenAddress> metricsAddress() {
    return Optional.of(new ListenAddress.Tcp("127.0.0.1", 0));
  }

  @Override
  AccessSettings access() {
    return access;
  }

  private RawClient scraper() throws IOException {
    return client(metricsPort);
  }

  /** The ports of another server with other rules: inference and metrics. */
  private int[] serveWith(AccessSettings rules) throws IOException {
    access = rules;
    List<BoundListener> listeners = serve(settings()).bind();
    access = AccessSettings.open();
    return new int[] {port(listeners.get(0)), port(listeners.get(2))};
  }

  @Test
  public void pageIsPlainTextOfVersion004() throws Exception {
    RawResponse response = scraper().get("/metrics");
    assertEquals(response.status(), 200);
    assertEquals(response.header("content-type"), TYPE);
    assertTrue(
        response.body().contains("\nRequests5XX{Level=\"Host\",Hostname=\"host\",} 0.0\n"),
        response.body());
    assertTrue(response.body().contains("# TYPE GPUUtilization gauge\n# HELP "), response.body());
  }

  @DataProvider
  public Object[][] waysToAsk() {
    return new Object[][] {
      {"GET", "/metrics"},
      {"POST", "/metrics"},
      {"PUT", "/metrics/"},
      {"DELETE", "/metrics/anything/below"},
      {"PATCH", "/metrics/x"},
      {"OPTIONS", "/metrics"},
      {"GET", "/metrics?x=1"},
    };
  }

  @Test(dataProvider = "waysToAsk")
  public void anyMethodAndAnythingBelowGetsThePage(String method, String path) throws Exception {
    RawResponse response = scraper().request(method, path, null).read();
    assertEquals(response.status(), 200);
    assertTrue(response.body().contains("# TYPE Requests2XX counter\n"), response.body());
  }

  @Test
  public void headRespondsWithoutABody() throws Exception {
    RawResponse response = scraper().request("HEAD", "/metrics", null).read(false);
    assertEquals(response.status(), 200);
    assertTrue(Integer.parseInt(response.header("content-length")) > 1000);
  }

  @Test
  public void filterNamesSamplesAndMayBeRepeated() throws Exception {
    RawClient scraper = scraper();
    String one = scraper.get("/metrics?name[]=Requests5XX").body();
    assertEquals(one.lines().count(), 3, one);
    assertTrue(one.endsWith("\nRequests5XX{Level=\"Host\",Hostname=\"host\",} 0.0\n"), one);
    String two = scraper.get("/metrics?name%5B%5D=Requests5XX&name%5b%5d=Requests4XX").body();
    assertEquals(two.lines().count(), 6, two);
    RawResponse none = scraper.get("/metrics?name[]=nothing");
    assertEquals(none.status(), 200);
    assertEquals(none.header("content-type"), TYPE);
    assertEquals(none.body(), "");
  }

  @Test
  public void otherPathsAreNotFoundAndTheRootHasOneMethod() throws Exception {
    RawClient scraper = scraper();
    for (String path : List.of("/metric", "/models", "/ping", "/v1/models/m", "/predictions/m")) {
      assertEquals(scraper.get(path).status(), 404, path);
    }
    RawResponse root = scraper.get("/");
    assertEquals(root.status(), 405);
    assertEquals(root.header("allow"), "OPTIONS");
  }

  @Test
  public void listenerDescribesItself() throws Exception {
    RawClient scraper = scraper();
    String first = scraper.request("OPTIONS", "/", null).read().body();
    JsonObject paths = JsonParser.parseString(first).getAsJsonObject().getAsJsonObject("paths");
    assertEquals(paths.keySet(), Set.of("/", "/api-description", "/metrics"));
    JsonObject operation = paths.getAsJsonObject("/metrics").getAsJsonObject("get");
    assertEquals(operation.get("operationId").getAsString(), "metrics");
    assertTrue(operation.get("parameters").toString().contains("\"name\":\"name[]\""));
    assertEquals(scraper.get("/api-description").body(), first);
  }

  @Test
  public void otherListenersHaveNoMetrics() throws Exception {
    assertEquals(client().get("/metrics").status(), 404);
    assertEquals(management().get("/metrics").status(), 404);
  }

  @Test
  public void combinedListenerHasMetricsBesideTheirOwnListener() throws Exception {
    RawResponse response = client(combined(metricsAddress())).get("/metrics?name[]=Requests5XX");
    assertEquals(response.status(), 200);
    assertTrue(response.body().contains("Requests5XX{"), response.body());
  }

  @Test
  public void combinedListenerHasNoMetricsWhereTheyAreOff() throws Exception {
    assertEquals(client(combined(Optional.empty())).get("/metrics").status(), 404);
  }

  private int combined(Optional<ListenAddress> metricsAddress) throws IOException {
    List<BoundListener> listeners = bindOnOneAddress(address -> combined(address, metricsAddress));
    assertEquals(listeners.size(), metricsAddress.isPresent() ? 2 : 1);
    return port(listeners.get(0));
  }

  private HttpSettings combined(ListenAddress address, Optional<ListenAddress> metricsAddress) {
    HttpSettings usual = settings(address, address, CorsSettings.none(), true);
    return new HttpSettings(
        new HttpSettings.Addresses(address, address, metricsAddress),
        usual.sockets(),
        new HttpSettings.BodySettings(
            usual.bodies().maxRequestSize(),
            usual.bodies().streamBufferLimit(),
            usual.bodies().memory()),
        usual.cors(),
        usual.access(),
        new HttpSettings.ApiSettings(
            true,
            ErrorForm.next(true),
            "1.0.0",
            usual.api().startUpModels(),
            usual.api().openInference()));
  }

  @Test
  public void responsesOfAllListenersAreCounted() throws Exception {
    client().get("/ping");
    client().get("/nothing/here/at/all");
    client().send("GET / HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n").read();
    management().get("/models");
    scraper().get("/metrics");
    assertEquals(MetricReader.value(registry, "Requests2XX", "Host", "host"), 3.0);
    assertEquals(MetricReader.value(registry, "Requests4XX", "Host", "host"), 2.0);
    assertEquals(MetricReader.value(registry, "Requests5XX", "Host", "host"), 0.0);
  }

  @Test
  public void bodyThatIsTooLargeIsCountedToo() throws Exception {
    client()
        .send("POST /predictions/m HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        .read();
    assertEquals(MetricReader.value(registry, "Requests4XX", "Host", "host"), 1.0);
  }

  @Test
  public void pageIsOpenByDefaultAndNeedsAKeyWhereThatIsAsked() throws Exception {
    int open = serveWith(tokens(EnumSet.of(Access.METRICS)))[1];
    assertEquals(client(open).get("/metrics").status(), 200);
    int closed = serveWith(tokens(EnumSet.noneOf(Access.class)))[1];
    RawResponse refused = client(closed).get("/metrics");
    assertEquals(refused.status(), 401);
    assertEquals(refused.header("www-authenticate"), "Bearer");
    assertFalse(refused.body().contains("Requests5XX"), refused.body());
    assertEquals(client(closed).get("/metrics/x", "Authorization: Bearer no").status(), 401);
    assertEquals(client(closed).get("/metrics", "Authorization: Bearer ask").status(), 200);
    assertEquals(client(closed).get("/metrics", "Authorization: Bearer manage").status(), 200);
    assertEquals(client(closed).get("/metrics", "Authorization: Bearer replace").status(), 403);
  }

  private static AccessSettings tokens(Set<Access> open) {
    AccessTokens keys = new AccessTokens(new ManualTime());
    keys.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.API, "replace", Optional.empty(), Duration.ZERO);
    return new AccessSettings(
        Optional.of(new TokenSettings(keys, Optional.empty(), open, false)),
        new HostSettings(List.of()),
        ConnectionLimits.none());
  }

  @Test
  public void pageOfAStrangersDomainIsRefusedWithAndWithoutTokens() throws Exception {
    int withTokens = serveWith(tokens(EnumSet.of(Access.METRICS)))[1];
    for (int port : new int[] {metricsPort, withTokens}) {
      RawClient client = client(port);
      String head = "GET /metrics HTTP/1.1\r\nHost: ";
      assertEquals(client.send(head + "evil.example.com\r\n\r\n").read().status(), 403);
      assertEquals(client.send(head + "localhost:8082\r\n\r\n").read().status(), 200);
      assertEquals(client.send(head + "127.0.0.1:8082\r\n\r\n").read().status(), 200);
    }
  }

  @Test
  public void connectionBeyondTheLimitIsRefused() throws Exception {
    ConnectionLimits limits = new ConnectionLimits(0, 0, 1, Duration.ZERO, Duration.ZERO);
    int limited =
        serveWith(new AccessSettings(Optional.empty(), new HostSettings(List.of()), limits))[1];
    assertEquals(client(limited).get("/metrics").status(), 200);
    assertEquals(client(limited).read().status(), 503);
  }

  @Test
  public void pageIsServedOverHttp2() throws Exception {
    try (Http2Client scraper = new Http2Client(metricsPort, false)) {
      assertEquals(scraper.get("/metrics").status(), 200);
    }
  }

  @Test
  public void eventLoopsAreFreeWhileAPageIsWritten() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch continueMessage = new CountDownLatch(1);
    VersionMetrics version = metrics.ofVersion("m", "1.0");
    version.live(
        ServerMetric.QUEUE_LENGTH,
        () -> {
          begun.countDown();
          return await(continueMessage) ? 5 : -1;
        });
    List<RawClient> scrapers = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      scrapers.add(client(metricsPort).request("GET", "/metrics", null));
    }
    assertTrue(await(begun));
    for (int i = 0; i < 4; i++) {
      assertEquals(client().get("/ping").status(), 200);
    }
    waitUntil(
        "the ones too many are refused",
        () -> MetricReader.value(registry, "Requests5XX", "Host", "host") == 8.0);
    continueMessage.countDown();
    int responded = 0;
    for (RawClient scraper : scrapers) {
      RawResponse response = scraper.read();
      responded += response.status() == 200 ? 1 : 0;
    }
    assertEquals(responded, 32);
  }

  private static boolean await(CountDownLatch latch) {
    try {
      return latch.await(60, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
