package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotNull;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.transport.testing.RawHttp2;
import org.tsnext.transport.testing.RawHttp2.Frame;

/** What one client may cost, over HTTP/2: frames, time and memory. Times are real, and short. */
public class Http2LimitsTest extends HttpTestBase {

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final int FLOOD = 50_000;
  private static final int BODY = 16_000;

  /** Small ones have an eighth: room for 8 bodies, and for the heads of a test. */
  private static final long MEMORY = 8L * (8 * BODY + 8_000);

  private static final int REFUSALS = 20_000;
  private static final int ENHANCE_YOUR_CALM = 11;
  private static final String[] POST = {
    ":method", "POST", ":scheme", "http", ":path", "/predictions/m", ":authority", "t"
  };

  private ConnectionLimits limits = ConnectionLimits.none();
  private HttpServer limited;

  @Override
  AccessSettings access() {
    return new AccessSettings(Optional.empty(), new HostSettings(List.of()), limits);
  }

  @Override
  HttpSettings settings() {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    return new HttpSettings(
        new HttpSettings.Addresses(any, any, Optional.empty()),
        SocketSettings.plain(),
        new HttpSettings.BodySettings(10 * BODY, STREAM_LIMIT, MEMORY),
        CorsSettings.none(),
        access(),
        new HttpSettings.ApiSettings(
            true, ErrorForm.next(true), "1.0.0", List::of, OpenInferenceSettings.off()));
  }

  private int serveWith(Duration idle, Duration reading) throws IOException {
    limits = new ConnectionLimits(0, 0, 0, idle, reading);
    try {
      limited = serve(settings());
      return port(limited.bind().get(0));
    } finally {
      limits = ConnectionLimits.none();
    }
  }

  @DataProvider
  public Object[][] frames() {
    return RawHttp2.floods();
  }

  @Test(dataProvider = "frames")
  public void floodEndsItsConnection(String name, byte[] frame) throws Exception {
    try (RawHttp2 client = RawHttp2.connect(port)) {
      assertTrue(client.isEndedBy(frame, FLOOD, LONG), name);
    }
  }

  @Test
  public void hundredsOfRequestsOnOneConnectionAreNoFlood() throws Exception {
    try (Http2Client client = new Http2Client(port, false)) {
      for (int i = 0; i < 200; i++) {
        assertEquals(client.post("/predictions/m", "x").status(), 200);
      }
      assertTrue(client.channel().isActive());
    }
  }

  @Test
  public void otherTrafficDoesNotKeepABodyThatStopped() throws Exception {
    int at = serveWith(Duration.ZERO, Duration.ofSeconds(1));
    try (RawHttp2 client = RawHttp2.connect(at)) {
      client.begin(1, POST);
      client.data(1, false, new byte[10]);
      Thread pings =
          new Thread(
              () -> {
                try {
                  while (true) {
                    client.write(RawHttp2.frame(0xbe, 0, 0, new byte[4000]));
                    Thread.sleep(20);
                  }
                } catch (IOException | InterruptedException e) {
                  // The end of the test.
                }
              });
      pings.start();
      Frame reset = client.next(RawHttp2.RST_STREAM, LONG);
      assertEquals(reset.reason(), ENHANCE_YOUR_CALM);
      pings.interrupt();
      pings.join();
    }
  }

  @Test
  public void requestWithoutAnEndDoesNotKeepItsConnectionAfterItsResponse() throws Exception {
    int at = serveWith(Duration.ofSeconds(1), Duration.ZERO);
    try (RawHttp2 client = RawHttp2.connect(at)) {
      client.begin(1, ":method", "POST", ":scheme", "http", ":path", "/no", ":authority", "t");
      assertTrue(client.isClosedWithin(LONG));
    }
  }

  @Test
  public void connectionWithShortRequestsIsNotIdleHoweverSeldomOneIsUnderWay() throws Exception {
    int at = serveWith(Duration.ofSeconds(1), Duration.ZERO);
    try (Http2Client client = new Http2Client(at, false)) {
      long end = System.nanoTime() + Duration.ofSeconds(3).toNanos();
      while (System.nanoTime() < end) {
        assertEquals(client.get("/ping").status(), 200);
        assertNull(client.ofConnection.poll(100, TimeUnit.MILLISECONDS));
      }
      assertEquals(client.ofConnection.poll(LONG.toSeconds(), TimeUnit.SECONDS), "GOAWAY NO_ERROR");
    }
  }

  @Test
  public void headThatGoesOnForEverEndsItsConnection() throws Exception {
    int at = serveWith(Duration.ZERO, Duration.ofSeconds(1));
    try (RawHttp2 client = RawHttp2.connect(at)) {
      client.write(RawHttp2.frame(RawHttp2.HEADERS, 0, 1, RawHttp2.block(POST)));
      assertTrue(client.isClosedWithin(LONG));
    }
  }

  @Test
  public void responseThatIsNotReadIsCutAndItsMemoryGivenBack() throws Exception {
    int at = serveWith(Duration.ofSeconds(1), Duration.ZERO);
    inference.hold();
    try (RawHttp2 client = RawHttp2.connect(at)) {
      client.write(RawHttp2.frame(RawHttp2.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0}));
      client.begin(1, POST);
      client.data(1, true, (byte) 'x');
      inference
          .nextWaiting()
          .sink()
          .complete(
              new ResponseHead(200, "", BodyKind.TEXT, List.of()),
              Unpooled.wrappedBuffer(new byte[BODY]));
      waitUntil("it is counted", () -> limited.bodyMemory().held() >= BODY);
      assertEquals(client.next(RawHttp2.RST_STREAM, LONG).reason(), ENHANCE_YOUR_CALM);
      waitUntil("it is not any more", () -> limited.bodyMemory().held() == 0);
    }
  }

  @Test
  public void connectionWhoseLastBytesAreNotReadIsClosedAndTheirMemoryGivenBack() throws Exception {
    int at = serveWith(Duration.ofSeconds(1), Duration.ZERO);
    ResponseHead head = new ResponseHead(200, "", BodyKind.TEXT, List.of());
    inference.respond(
        (request, sink) -> sink.complete(head, Unpooled.wrappedBuffer(new byte[BODY])));
    Socket socket = new Socket();
    socket.setReceiveBufferSize(BODY);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), at));
    try (RawHttp2 client = RawHttp2.over(socket)) {
      client.write(RawHttp2.frame(RawHttp2.WINDOW_UPDATE, 0, 0, new byte[] {64, 0, 0, 0}));
      // One after the other, until the system takes no more: flow control holds nothing then.
      for (int stream = 1; isSentWithin(Duration.ofMillis(200)); stream += 2) {
        client.begin(stream, POST);
        client.data(stream, true, (byte) 'x');
        assertNotNull(inference.seen.poll(LONG.toSeconds(), TimeUnit.SECONDS));
      }
      waitUntil("it is given back", () -> limited.bodyMemory().held() == 0);
      assertTrue(client.isClosedWithin(LONG));
    }
  }

  private boolean isSentWithin(Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    while (limited.bodyMemory().held() > 0 && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    return limited.bodyMemory().held() == 0;
  }

  @Test
  public void headsOfOpenStreamsAreCountedUntilTheirEnd() throws Exception {
    String[] post = Arrays.copyOf(POST, POST.length + 2);
    post[POST.length] = "a";
    post[POST.length + 1] = "x".repeat(6_000);
    try (RawHttp2 client = RawHttp2.connect(port)) {
      for (int stream = 1; stream < 60; stream += 2) {
        client.begin(stream, post);
      }
      assertEquals(countHeads(client), 30 - MEMORY / 8 / 6_200);
      assertTrue(server.bodyMemory().held() > MEMORY / 8 - 6_200);
    }
    waitUntil("they are given back", () -> server.bodyMemory().held() == 0);
  }

  /** Of the responses to what was sent already: that to a ping comes after them. */
  private static int countHeads(RawHttp2 client) throws IOException {
    int heads = 0;
    client.write(RawHttp2.frame(RawHttp2.PING, 0, 0, new byte[8]));
    for (Frame next = client.next(LONG); next.type() != RawHttp2.PING; next = client.next(LONG)) {
      heads += next.type() == RawHttp2.HEADERS ? 1 : 0;
    }
    return heads;
  }

  @Test
  public void smallBodiesThatNeverEndHaveAShareOfTheMemory() throws Exception {
    List<RawHttp2> clients = new ArrayList<>();
    int refused = 0;
    try {
      for (int i = 0; i < 3; i++) {
        RawHttp2 client = RawHttp2.connect(port);
        clients.add(client);
        for (int stream = 1; stream < 20; stream += 2) {
          client.begin(stream, POST);
          client.data(stream, false, new byte[BODY]);
        }
        refused += countHeads(client);
        long held = server.bodyMemory().held();
        assertTrue(held <= MEMORY / 8 + REFUSALS, held + " bytes");
      }
      assertEquals(refused, 30 - MEMORY / 8 / BODY);
      assertEquals(client().post("/predictions/m", "x".repeat(2 * BODY)).status(), 200);
      assertEquals(client().post("/predictions/m", "x".repeat(BODY)).status(), 503);
    } finally {
      for (RawHttp2 client : clients) {
        client.close();
      }
    }
    waitUntil("it is given back", () -> server.bodyMemory().held() == 0);
    assertEquals(client().post("/predictions/m", "x".repeat(BODY)).status(), 200);
  }

  @Test
  public void requestsSentAheadAreCounted() throws Exception {
    inference.hold();
    RawClient ahead = client();
    String request =
        "POST /predictions/m HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n"
            + "x".repeat(5000);
    ahead.send(request + request);
    inference.nextWaiting();
    // Of the second the head as well, which waits with its body.
    waitUntil("both are counted", () -> server.bodyMemory().held() > 10_000);
    ahead.close();
    waitUntil("none is", () -> server.bodyMemory().held() == 0);
  }
}
