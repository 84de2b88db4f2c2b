package org.tsnext.http;

import static org.testng.Assert.assertEquals;

import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.Test;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.http.RawClient.RawResponse;

/** Connections that are open when the server goes. */
public class ConnectionDrainTest extends HttpTestBase {

  /** Else the system tries again by itself, after a second: the server has closed by then. */
  private static final int ATTEMPT_MILLIS = 100;

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
