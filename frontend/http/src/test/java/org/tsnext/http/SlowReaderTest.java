package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.HostSettings;

/**
 * Clients that read their responses slowly, or not at all, and send more than is read of them. The
 * bodies are larger than what the system keeps of a connection. Times are real, and short.
 */
public class SlowReaderTest extends HttpTestBase {

  private static final int BODY = 24 << 20;
  private static final int STEP = 1 << 20;
  private static final int HEADERS = 900;
  private static final int HEADS = 500;

  private Duration idle = Duration.ZERO;

  @Override
  AccessSettings access() {
    ConnectionLimits limits = new ConnectionLimits(0, 0, 0, idle, Duration.ZERO);
    return new AccessSettings(Optional.empty(), new HostSettings(List.of()), limits);
  }

  @DataProvider
  static Object[][] clients() {
    return new Object[][] {
      {"", ""}, {"Connection: close\r\n", ""}, {"", "GET /ping HTTP/1.1\r\nHost: t\r\n\r\n"},
    };
  }

  @Test(dataProvider = "clients")
  public void responseThatIsNotReadIsCutAndItsMemoryGivenBack(String header, String sentAhead)
      throws Exception {
    idle = Duration.ofSeconds(1);
    HttpServer limited = serve(settings());
    RawClient client = slowClient(port(limited.bind().get(0)));
    client.send(post(header) + sentAhead);
    respond();
    waitUntil("it is counted", () -> limited.bodyMemory().held() >= BODY);
    waitUntil("it is not any more", () -> limited.bodyMemory().held() == 0);
  }

  @Test
  public void responseThatIsReadSteadilyIsSentWholeHoweverLongThatTakes() throws Exception {
    idle = Duration.ofSeconds(3);
    RawClient client = slowClient(port(serve(settings()).bind().get(0)));
    client.send(post(""));
    respond();
    long began = System.nanoTime();
    assertEquals(readInSteps(client, 250), BODY);
    assertTrue(System.nanoTime() - began > idle.toNanos(), "too fast to show anything");
  }

  @Test
  public void responseThatIsBeingSentWhenTheServerGoesIsSentWhole() throws Exception {
    RawClient client = slowClient(port);
    client.send(post(""));
    respond();
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(() -> server.close(Duration.ofSeconds(60)));
    assertEquals(readInSteps(client, 100), BODY);
    assertEquals(client.readToEnd(), "");
    closed.get(60, TimeUnit.SECONDS);
  }

  @Test
  public void headsThatAreSentAheadAreCountedAndNotReadWithoutLimit() throws Exception {
    inference.hold();
    RawClient client = client();
    client.send(post(""));
    ResponseSink running = inference.nextWaiting().sink();
    String head = "GET /ping HTTP/1.1\r\nHost: t\r\n" + "a:\r\n".repeat(HEADERS) + "\r\n";
    CompletableFuture<Void> sent =
        CompletableFuture.runAsync(() -> sendUntilClosed(client, head.repeat(HEADS)));
    waitUntil("they are counted", () -> server.bodyMemory().held() > 256 * 1024);
    // What one read of the socket brings is parsed whole.
    assertTrue(server.bodyMemory().held() < 64L * HEADERS * 100, "most are not read");
    client.close();
    sent.get(60, TimeUnit.SECONDS);
    running.complete(ResponseHead.EMPTY, Unpooled.EMPTY_BUFFER);
    waitUntil("none is", () -> server.bodyMemory().held() == 0);
  }

  private static void sendUntilClosed(RawClient client, String text) {
    try {
      client.send(text);
    } catch (IOException e) {
      // The client is closed: that is how the test ends.
    }
  }

  private RawClient slowClient(int at) throws IOException {
    inference.hold();
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), at);
    socket.setReceiveBufferSize(64 * 1024);
    return closedAfterwards(new RawClient(socket));
  }

  private static String post(String header) {
    return "POST /predictions/m HTTP/1.1\r\nHost: t\r\n" + header + "Content-Length: 1\r\n\r\nx";
  }

  private void respond() throws Exception {
    ResponseHead head = new ResponseHead(200, "", BodyKind.BYTES, List.of());
    inference.nextWaiting().sink().complete(head, Unpooled.wrappedBuffer(new byte[BODY]));
  }

  /** Reads a response at a pace, and returns how long its body was. */
  private static int readInSteps(RawClient client, int pauseMillis) throws Exception {
    assertEquals(client.read(false).header("content-length"), String.valueOf(BODY));
    InputStream in = client.in();
    int read = 0;
    int step = STEP;
    while (read < BODY && step == STEP) {
      step = in.readNBytes(STEP).length;
      read += step;
      Thread.sleep(pauseMillis);
    }
    return read;
  }
}
