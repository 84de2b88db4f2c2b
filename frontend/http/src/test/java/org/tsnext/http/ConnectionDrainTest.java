package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.Test;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.time.Clock;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.transport.testing.RawHttp2;

/** Connections that are open when the server goes. */
public class ConnectionDrainTest extends HttpTestBase {

  /** Else the system tries again by itself, after a second: the server has closed by then. */
  private static final int ATTEMPT_MILLIS = 100;

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final String[] POST = {
    ":method", "POST", ":scheme", "http", ":path", "/predictions/m", ":authority", "t"
  };

  private final AtomicLong stoppedAt = new AtomicLong();

  /** The machine's, until a test stops it: then no connection gets any older. */
  @Override
  Clock clock() {
    return new Clock() {
      @Override
      public long nanoTime() {
        long stopped = stoppedAt.get();
        return stopped == 0 ? System.nanoTime() : stopped;
      }

      @Override
      public Instant now() {
        return Instant.now();
      }
    };
  }

  @AfterMethod(alwaysRun = true)
  public void letTimeGoOn() {
    stoppedAt.set(0);
  }

  @Test
  public void idleConnectionsEndWithTheServerAndBusyOnesAfterTheirResponse() throws Exception {
    inference.hold();
    RawClient idle = client();
    assertEquals(idle.get("/ping").status(), 200);
    RawClient busy = client();
    busy.request("POST", "/predictions/m", "a");
    FakeInference.Waiting waiting = inference.nextWaiting();
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(() -> server.close(Duration.ofSeconds(60)));
    assertEquals(idle.readToEnd(), "");
    waiting.sink().complete(FakeInference.text(), Unpooled.copiedBuffer(new byte[] {'x'}));
    RawResponse response = busy.read();
    assertEquals(response.body(), "x");
    assertEquals(response.header("connection"), "close");
    assertEquals(busy.readToEnd(), "");
    closed.get(60, TimeUnit.SECONDS);
  }

  @Test
  public void requestThatWasOnItsWayWhenTheServerGoesIsAnswered() throws Exception {
    RawClient client = client();
    assertEquals(client.get("/ping").status(), 200);
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(() -> server.close(Duration.ofSeconds(60)));
    awaitRefusal();
    assertEquals(client.get("/ping").status(), 200);
    assertEquals(client.readToEnd(), "");
    closed.get(60, TimeUnit.SECONDS);
  }

  /** Its client was told that the connection stays, before the server knew that it does not. */
  @Test
  public void requestAfterAStreamThatBeganBeforeTheServerWentIsAnswered() throws Exception {
    inference.hold();
    RawClient client = client();
    RawClient other = client();
    client.request("POST", "/predictions/m", "a");
    FakeInference.Waiting waiting = inference.nextWaiting();
    waiting.sink().chunk(FakeInference.text(), Unpooled.copiedBuffer(new byte[] {'x'}));
    assertEquals(client.read(false).header("connection"), "keep-alive");
    assertEquals(client.chunk(), "x");
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(() -> server.close(Duration.ofSeconds(60)));
    awaitDrain(other);
    waiting.sink().end(Unpooled.EMPTY_BUFFER);
    assertEquals(client.chunk(), "");
    RawResponse next = client.get("/ping");
    assertEquals(next.status(), 200);
    assertEquals(next.header("connection"), "close");
    assertEquals(client.readToEnd(), "");
    closed.get(60, TimeUnit.SECONDS);
  }

  @Test
  public void connectionThatTurnsToHttp2WhenTheServerGoesEndsAfterItsResponse() throws Exception {
    stoppedAt.set(System.nanoTime());
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    RawClient other = client();
    assertEquals(other.get("/ping").status(), 200);
    inference.hold();
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(() -> server.close(Duration.ofSeconds(60)));
    awaitDrain(other);
    byte[] post = RawHttp2.block(POST);
    byte[] head = RawHttp2.frame(RawHttp2.HEADERS, RawHttp2.END_HEADERS, 1, post);
    byte[] body = RawHttp2.frame(RawHttp2.DATA, RawHttp2.END_STREAM, 1, (byte) 'x');
    try (RawHttp2 client = RawHttp2.over(socket, head, body)) {
      FakeInference.Waiting waiting = inference.nextWaiting();
      assertEquals(client.next(RawHttp2.GOAWAY, LONG).reason(), 0);
      letTimeGoOn();
      // Longer than an idle connection of HTTP/1 would stay.
      assertFalse(client.isClosedWithin(Duration.ofMillis(1500)));
      waiting.sink().complete(FakeInference.text(), Unpooled.copiedBuffer(new byte[] {'x'}));
      assertEquals(client.next(RawHttp2.DATA, LONG).text(), "x");
      assertTrue(client.isClosedWithin(LONG));
    }
    closed.get(60, TimeUnit.SECONDS);
  }

  /** Waits until answers say that their connection ends. */
  private static void awaitDrain(RawClient client) throws IOException {
    while (!client.get("/ping").header("connection").equals("close")) {
      Thread.onSpinWait();
    }
  }

  /** Waits until no connection is accepted any more: from then on the server closes connections. */
  private void awaitRefusal() throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    while (true) {
      try (Socket socket = new Socket()) {
        socket.connect(address, ATTEMPT_MILLIS);
      } catch (ConnectException e) {
        return;
      } catch (SocketException | SocketTimeoutException e) {
        // It was in the listener's queue when that was closed.
      }
    }
  }
}
