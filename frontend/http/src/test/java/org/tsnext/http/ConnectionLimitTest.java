package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.transport.testing.CapturedLog;

/** Clients that want many connections, or keep one without using it. Times are real, and short. */
public class ConnectionLimitTest extends HttpTestBase {

  private static final ConnectionLimits SHORT =
      new ConnectionLimits(2, 0, 0, Duration.ofMillis(1500), Duration.ofMillis(1000));

  private ConnectionLimits limits = ConnectionLimits.none();

  @BeforeMethod(alwaysRun = true)
  public void withoutLimits() {
    limits = ConnectionLimits.none();
  }

  @Override
  AccessSettings access() {
    return new AccessSettings(Optional.empty(), new HostSettings(List.of()), limits);
  }

  private int serveWith(ConnectionLimits chosen) throws IOException {
    limits = chosen;
    return port(serve(settings()).bind().get(0));
  }

  private static ConnectionLimits idle(Duration idle) {
    return new ConnectionLimits(0, 0, 0, idle, Duration.ZERO);
  }

  private static ConnectionLimits reading(Duration reading) {
    return new ConnectionLimits(0, 0, 0, Duration.ZERO, reading);
  }

  @Test
  public void oneConnectionTooManyGets503AndThePlaceIsFreeAfterwards() throws Exception {
    int limited = serveWith(new ConnectionLimits(2, 0, 0, Duration.ZERO, Duration.ZERO));
    RawClient first = client(limited);
    assertEquals(first.get("/ping").status(), 200);
    RawClient second = client(limited);
    assertEquals(second.get("/ping").status(), 200);
    RawClient third = client(limited);
    third.request("GET", "/predictions/cats", null);
    RawResponse refused = third.read();
    assertEquals(refused.status(), 503);
    assertEquals(refused.header("connection"), "close");
    assertEquals(refused.header("retry-after"), "1");
    assertTrue(refused.body().contains("\"type\": \"ServiceUnavailableException\""));
    assertEquals(third.readToEnd(), "");
    assertEquals(first.get("/ping").status(), 200, "those that are in go on");
    second.close();
    waitUntil("a free place", () -> keepsAPlace(limited));
  }

  private boolean keepsAPlace(int limited) {
    try (RawClient client = new RawClient(limited)) {
      client.get("/ping");
      // A connection beyond the limit has been closed by now.
      return client.get("/ping").status() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  public void connectionTooManyMayProbeOnce() throws Exception {
    int limited = serveWith(new ConnectionLimits(1, 0, 0, Duration.ZERO, Duration.ZERO));
    RawClient first = client(limited);
    assertEquals(first.get("/ping").status(), 200);
    for (String request :
        List.of(
            "GET /ping HTTP/1.1",
            "GET /ping HTTP/1.0",
            "GET /ready HTTP/1.1",
            "GET /ready/cats HTTP/1.1")) {
      RawClient probe = client(limited);
      // In pieces, and with a request behind it that is not served.
      probe.send(request.substring(0, 6));
      probe.send(
          request.substring(6) + "\r\nHost: t\r\n\r\nGET /models HTTP/1.1\r\nHost: t\r\n\r\n");
      RawResponse response = probe.read();
      assertEquals(response.status(), 200, request);
      String expected = request.startsWith("GET /ping") ? "Healthy" : "Ready";
      assertTrue(response.body().contains(expected), response.body());
      assertEquals(response.header("connection"), "close");
      assertEquals(probe.readToEnd(), "");
    }
    for (String request :
        List.of("GET /pingpong", "GET /rea", "GET /models", "POST /predictions/cats", "G")) {
      RawClient refused = client(limited);
      refused.send(request + " HTTP/1.1\r\nHost: t\r\n\r\n");
      assertEquals(refused.read().status(), 503, request);
      assertEquals(refused.readToEnd(), "");
    }
    assertTrue(inference.isEmpty(), "nothing reached a model");
  }

  @Test
  public void connectionTooManyThatSendsNothingGets503() throws Exception {
    int limited = serveWith(new ConnectionLimits(1, 0, 0, Duration.ZERO, Duration.ZERO));
    assertEquals(client(limited).get("/ping").status(), 200);
    RawClient silent = client(limited);
    assertEquals(silent.read().status(), 503);
    assertEquals(silent.readToEnd(), "");
  }

  @Test
  public void refusalsAreLoggedOnceASecondAtMost() throws Exception {
    try (CapturedLog log = new CapturedLog("org.tsnext.transport.ConnectionCount")) {
      int limited = serveWith(new ConnectionLimits(1, 0, 0, Duration.ZERO, Duration.ZERO));
      assertEquals(client(limited).get("/ping").status(), 200);
      long began = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        assertEquals(client(limited).get("/models").status(), 503);
      }
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
      assertTrue(log.lines().size() <= seconds + 1, log.lines().toString());
      assertTrue(log.lines().get(0).contains("the limit of inference_max_connections"));
    }
  }

  @Test
  public void connectionThatSendsNothingIsClosed() throws Exception {
    RawClient client = client(serveWith(idle(Duration.ofMillis(200))));
    assertEquals(client.readToEnd(), "");
  }

  @Test
  public void connectionWithoutFurtherRequestsIsClosed() throws Exception {
    RawClient client = client(serveWith(idle(Duration.ofMillis(1500))));
    assertEquals(client.get("/ping").status(), 200);
    assertEquals(client.readToEnd(), "");
  }

  @Test
  public void halfAHeadIsClosedHoweverSlowlyItGoesOn() throws Exception {
    RawClient client = client(serveWith(reading(Duration.ofMillis(300))));
    client.send("GET /ping HTTP/1.1\r\nHost: t\r\n");
    Thread trickle =
        new Thread(
            () -> {
              try {
                while (true) {
                  client.send("X");
                  Thread.sleep(20);
                }
              } catch (IOException | InterruptedException e) {
                // It was closed: that is what the test waits for.
              }
            });
    trickle.start();
    try {
      client.socket().getInputStream().readAllBytes();
    } catch (IOException e) {
      // A reset is an end, too.
    }
    trickle.interrupt();
    trickle.join();
  }

  @Test
  public void bodyThatStopsGets408() throws Exception {
    RawClient client = client(serveWith(reading(Duration.ofMillis(300))));
    client.send("POST /predictions/cats HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\nhalf");
    RawResponse response = client.read();
    assertEquals(response.status(), 408);
    assertEquals(response.header("connection"), "close");
    assertTrue(response.body().contains("request_read_timeout_sec"), response.body());
    assertEquals(client.readToEnd(), "");
    assertTrue(inference.isEmpty(), "nothing reached a model");
  }

  @Test
  public void requestWithASlowResponseIsCutWithoutBlame() throws Exception {
    inference.hold();
    RawClient client = client(serveWith(SHORT));
    client.request("POST", "/predictions/cats", "x");
    waitUntil("the request at the model", () -> !inference.isEmpty());
    client.socket().setSoTimeout(2000);
    try {
      client.socket().getInputStream().read();
      throw new AssertionError("the connection ended, or was answered");
    } catch (java.net.SocketTimeoutException expected) {
      assertTrue(client.socket().isConnected());
    }
  }

  @Test
  public void busyConnectionLivesLongerThanItsLimits() throws Exception {
    RawClient client =
        client(
            serveWith(new ConnectionLimits(0, 0, 0, Duration.ofSeconds(3), Duration.ofSeconds(3))));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
    while (System.nanoTime() < end) {
      assertEquals(client.post("/predictions/cats", "x").status(), 200);
    }
  }
}
