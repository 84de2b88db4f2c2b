package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotNull;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.testng.SkipException;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.history.ModelSampler;
import org.tsnext.core.history.RecentLines;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.core.time.Clock;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.console.ConsoleSource;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.TokenSettings;

/** The console's files, its stream and what it asks besides, over real sockets. */
public class ConsoleTest extends HttpTestBase {

  private static final String BROWSER =
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  private static final String TOKEN = "Authorization: Bearer manage";

  private boolean tokensOn;
  private boolean consoleOn = true;
  private ManualTime time;
  private ModelSampler sampler;
  private RecentLines lines;

  @Override
  AccessSettings access() {
    AccessTokens keys = new AccessTokens(Clock.system());
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    return new AccessSettings(
        tokensOn
            ? Optional.of(new TokenSettings(keys, Optional.empty(), Set.of(), false))
            : Optional.empty(),
        new HostSettings(List.of()),
        ConnectionLimits.none());
  }

  @Override
  HttpServices services() {
    time = new ManualTime();
    lines = new RecentLines(time);
    sampler = new ModelSampler(models, registry, time, time, Runnable::run);
    return new HttpServices(
        inference,
        models,
        workflows,
        jobs(),
        consoleOn
            ? Optional.of(
                new ConsoleSource(
                    sampler,
                    lines,
                    () -> CompletableFuture.completedFuture(List.of("cats.mar")),
                    renderer))
            : Optional.empty());
  }

  /** Another server, with what the fields say now, and them as they were. */
  private void restart() throws Exception {
    stopServer();
    startServer();
    tokensOn = false;
    consoleOn = true;
  }

  private static void requirePages() {
    if (ConsoleTest.class.getResource("/org/tsnext/console/console/index.html.gz") == null) {
      throw new SkipException("the web pages are not built: there is no Node.js here");
    }
  }

  @DataProvider
  public Object[][] files() {
    return new Object[][] {
      {"/console/", "text/html; charset=utf-8"},
      {"/console/page.js", "text/javascript; charset=utf-8"},
      {"/console/page.css", "text/css; charset=utf-8"},
      {"/console/icon.svg", "image/svg+xml"},
      {"/openapi/", "text/html; charset=utf-8"},
      {"/openapi/swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
    };
  }

  @Test(dataProvider = "files")
  public void filesComeWithStrictHeadersCompressedAndOnlyOnce(String path, String type)
      throws Exception {
    requirePages();
    RawResponse plain = management().get(path);
    assertEquals(plain.status(), 200);
    assertEquals(plain.header("content-type"), type);
    String policy = plain.header("content-security-policy");
    assertTrue(policy.startsWith("default-src 'none'; script-src 'self'"), policy);
    assertTrue(policy.contains("frame-ancestors 'none'"), policy);
    assertFalse(policy.contains("unsafe"), policy);
    assertEquals(plain.header("x-frame-options"), "DENY");
    assertEquals(plain.header("x-content-type-options"), "nosniff");
    assertEquals(plain.header("referrer-policy"), "no-referrer");
    assertEquals(plain.header("cache-control"), "no-cache");
    assertNull(plain.header("pragma"));
    RawResponse packed = management().get(path, "Accept-Encoding: br, gzip");
    assertEquals(packed.header("content-encoding"), "gzip");
    assertEquals(packed.header("etag"), plain.header("etag"));
    assertNull(management().get(path, "Accept-Encoding: gzip;q=0").header("content-encoding"));
    RawResponse same =
        management()
            .request("GET", path, null, "If-None-Match: \"x\", W/" + plain.header("etag"))
            .read(false);
    assertEquals(same.status(), 304);
  }

  @Test
  public void addressWithoutItsSlashLeadsToThatWithIt() throws Exception {
    RawResponse moved = management().get("/console");
    assertEquals(moved.status(), 308);
    assertEquals(moved.header("location"), "console/");
  }

  @DataProvider
  public Object[][] accepted() {
    return new Object[][] {
      {BROWSER, true},
      {"Accept: text/html", true},
      {"Accept: application/json;q=0.9, text/html", true},
      {"Accept: */*", false},
      {"Accept: text/html, application/json", false},
      {"Accept: text/html;q=0, */*;q=0", false},
      {"Accept: text/html;q=x", false},
      {"Accept: application/json", false},
      {"X-Other: 1", false},
    };
  }

  @Test(dataProvider = "accepted")
  public void peopleAreLedToThePagesAndOtherClientsAreNot(String accept, boolean led)
      throws Exception {
    RawResponse onManagement = management().get("/", accept);
    RawResponse onInference = client().get("/", accept);
    if (led) {
      assertEquals(onManagement.status(), 302);
      assertEquals(onManagement.header("location"), "console/");
      assertEquals(onInference.header("location"), "openapi/");
    } else {
      assertEquals(onManagement.status(), 405);
      assertEquals(onManagement.header("allow"), "OPTIONS");
      assertEquals(onInference.status(), 405);
    }
    assertEquals(client().post("/", "", BROWSER).status(), 405);
  }

  @Test
  public void consoleIsOnTheManagementListenerAlone() throws Exception {
    for (String path : List.of("/console/", "/console/stream", "/console/store")) {
      assertEquals(client().get(path).status(), 404, path);
    }
  }

  @Test
  public void nothingOfItIsThereWhereItIsOff() throws Exception {
    consoleOn = false;
    restart();
    for (String path : List.of("/console/", "/console/stream", "/openapi/")) {
      assertEquals(management().get(path).status(), 404, path);
    }
    assertEquals(management().get("/", BROWSER).status(), 405);
    assertEquals(management().post("/console/predictions/cats/1.0", "x").status(), 404);
  }

  @Test
  public void filesNeedNoTokenAndEverythingElseDoes() throws Exception {
    tokensOn = true;
    restart();
    requirePages();
    assertEquals(management().get("/console/").status(), 200);
    for (String path :
        List.of(
            "/console/stream",
            "/console/history/cats/1.0",
            "/console/log/cats/1.0",
            "/console/store")) {
      assertEquals(management().get(path).status(), 401, path);
      assertEquals(management().get(path, "Authorization: Bearer ask").status(), 403, path);
    }
    assertEquals(management().post("/console/predictions/cats/1.0", "x").status(), 401);
    assertEquals(management().get("/console/store", TOKEN).status(), 200);
  }

  private static JsonObject json(String text) {
    return JsonParser.parseString(text).getAsJsonObject();
  }

  /** The next line of a stream, which comes in chunks of whole lines. */
  private static JsonObject line(RawClient stream) throws IOException {
    return json(stream.chunk());
  }

  @Test
  public void streamTellsEachSampleAndItsEnd() throws Exception {
    sampler.start();
    RawClient stream = management().request("GET", "/console/stream", null);
    assertEquals(stream.read(false).header("content-type"), "application/x-ndjson");
    JsonObject start = line(stream);
    assertEquals(start.get("type").getAsString(), "start");
    assertEquals(start.getAsJsonObject("server").get("version").getAsString(), "1.0.0");
    JsonObject known = line(stream);
    assertEquals(known.get("type").getAsString(), "sample");
    JsonObject cats = known.getAsJsonArray("models").get(0).getAsJsonObject();
    assertEquals(cats.get("name").getAsString(), "cats");
    assertEquals(cats.get("state").getAsString(), "READY");
    JsonObject failing = known.getAsJsonArray("models").get(1).getAsJsonObject();
    assertEquals(failing.get("reason").getAsString(), "no worker");
    assertEquals(failing.get("lastError").getAsString(), "ImportError: no x");
    time.advance(ModelSampler.PERIOD);
    assertEquals(line(stream).get("type").getAsString(), "sample");
    server.close(Duration.ofSeconds(20));
    JsonObject end = line(stream);
    assertEquals(end.get("type").getAsString(), "end");
    assertEquals(end.get("reason").getAsString(), "stopping");
  }

  @Test
  public void openConsoleDoesNotDelayTheEndOfTheServer() throws Exception {
    sampler.start();
    RawClient stream = management().request("GET", "/console/stream", null);
    stream.read(false);
    long began = System.nanoTime();
    server.close(Duration.ofSeconds(60));
    assertTrue(System.nanoTime() - began < Duration.ofSeconds(30).toNanos());
  }

  @Test
  public void consoleThatDoesNotReadIsCutAndTheOthersGoOn() throws Exception {
    models.copies = 200;
    sampler.start();
    Socket deaf = new Socket();
    deaf.setReceiveBufferSize(4096);
    deaf.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), managementPort));
    RawClient reads = management().request("GET", "/console/stream", null);
    reads.read(false);
    line(reads);
    long sent = reads.chunk().length();
    try (RawClient never = new RawClient(deaf)) {
      never.request("GET", "/console/stream", null);
      // More than sockets hold and what may wait.
      while (sent < 24 << 20) {
        time.advance(ModelSampler.PERIOD);
        sent += reads.chunk().length();
      }
      assertFalse(isWhole(never, sent), "the stream that nobody reads was not cut");
    }
  }

  /** Whether everything that was sent comes. */
  private static boolean isWhole(RawClient client, long sent) {
    try {
      return client.readToEnd().length() >= sent;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  public void historyAndLinesAreThoseOfTheVersion() throws Exception {
    sampler.start();
    lines.add("W-9000-cats_1.0", true, List.of("<b>not bold</b>\u001b[31m", "two"));
    JsonObject history = json(management().get("/console/history/cats/1.0").body());
    assertEquals(history.getAsJsonObject("figures").getAsJsonArray("readyWorkers").size(), 450);
    JsonObject log = json(management().get("/console/log/cats/1.0").body());
    assertEquals(log.getAsJsonArray("lines").size(), 2);
    JsonObject first = log.getAsJsonArray("lines").get(0).getAsJsonObject();
    assertEquals(first.get("text").getAsString(), "<b>not bold</b>\u001b[31m");
    String after = "/console/log/cats/1.0?after=" + first.get("number").getAsLong();
    assertEquals(json(management().get(after).body()).getAsJsonArray("lines").size(), 1);
    RawResponse refused = management().get("/console/log/cats/1.0?after=x");
    assertEquals(refused.status(), 400);
    assertTrue(refused.body().contains("the number of a line"), refused.body());
    assertEquals(
        json(management().get("/console/store").body()).getAsJsonArray("models").size(), 1);
  }

  @Test
  public void trialAsksTheModelWithBothTokensAndTheHandlerSeesNeither() throws Exception {
    tokensOn = true;
    restart();
    String path = "/console/explanations/cats/2.0";
    RawResponse missing = management().post(path, "x", TOKEN);
    assertEquals(missing.status(), 401);
    assertTrue(missing.body().contains("x-ts-inference-token"), missing.body());
    assertEquals(management().post(path, "x", TOKEN, "X-TS-Inference-Token: manage").status(), 403);
    RawResponse answer =
        management()
            .post(path, "{}", TOKEN, "X-TS-Inference-Token: ask", "Content-Type: application/json");
    assertEquals(answer.status(), 200, answer.body());
    assertEquals(answer.body(), "ok");
    assertTrue(answer.header("content-security-policy").contains("sandbox"));
    assertEquals(answer.header("x-content-type-options"), "nosniff");
    FakeInference.Seen seen = inference.next();
    assertEquals(seen.model(), "cats");
    assertEquals(seen.version(), "2.0");
    assertEquals(seen.header("explain"), "True");
    List<String> names = new ArrayList<>();
    seen.headers().forEach(header -> names.add(header.name().toLowerCase(Locale.ROOT)));
    assertFalse(names.contains("authorization"), names + "");
    assertFalse(names.contains("x-ts-inference-token"), names + "");
  }

  @DataProvider
  public Object[][] foreign() {
    return new Object[][] {
      {"Origin: http://evil.example"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site"},
    };
  }

  @Test(dataProvider = "foreign")
  public void pagesOfOthersUseNothingOfIt(String header) throws Exception {
    for (String path : List.of("/console/stream", "/console/store", "/console/log/cats/1.0")) {
      assertEquals(management().get(path, header).status(), 403, path);
    }
    assertEquals(management().post("/console/predictions/cats/1.0", "x", header).status(), 403);
    assertTrue(inference.isEmpty());
  }

  @Test
  public void strangersNameOfTheHostIsRefused() throws Exception {
    RawResponse refused =
        management().send("GET /console/ HTTP/1.1\r\nHost: evil.example\r\n\r\n").read();
    assertEquals(refused.status(), 403);
    assertNotNull(refused.body());
  }
}
