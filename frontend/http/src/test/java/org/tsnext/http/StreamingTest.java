package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.http.RawClient.RawResponse;

public class StreamingTest extends HttpTestBase {

  private static final ResponseHead HEAD =
      new ResponseHead(201, "", BodyKind.TEXT, List.of(new Header("x-a", "b")));

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }

  private ResponseSink begin(RawClient client, String start) throws Exception {
    inference.hold();
    client.send(start);
    return inference.nextWaiting().sink();
  }

  private static final String POST = "POST /predictions/m HTTP/1.1\r\nHost: t\r\n\r\n";

  @Test
  public void chunksReachTheClientAsTheyAreMade() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    sink.chunk(HEAD, text("part0 "));
    RawResponse head = client.read(false);
    assertEquals(head.statusLine(), "HTTP/1.1 201 Created");
    assertEquals(head.header("transfer-encoding"), "chunked");
    assertEquals(head.header("ts_stream_next"), "true");
    assertEquals(head.header("x-a"), "b");
    assertEquals(head.header("content-type"), "text/plain; charset=utf-8");
    assertEquals(client.chunk(), "part0 ");
    sink.chunk(ResponseHead.EMPTY, text("part1 "));
    assertEquals(client.chunk(), "part1 ");
    sink.chunk(ResponseHead.EMPTY, text(""));
    sink.end(text("last"));
    assertEquals(client.chunk(), "last");
    assertEquals(client.chunk(), "");
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void streamWithAStatusThatHasNoBodyEndsWithItsHead() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    sink.chunk(new ResponseHead(204, "", BodyKind.TEXT, List.of()), text("part0 "));
    RawResponse head = client.read(false);
    assertEquals(head.status(), 204);
    assertNull(head.header("transfer-encoding"));
    assertNull(head.header("content-type"));
    sink.chunk(ResponseHead.EMPTY, text("part1 "));
    sink.end(text("last"));
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void emptyEndEndsTheStream() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    sink.chunk(HEAD, text(""));
    client.read(false);
    sink.end(Unpooled.EMPTY_BUFFER);
    assertEquals(client.line(), "0");
    assertEquals(client.line(), "");
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void errorAfterTheFirstChunkIsNoCleanEnd() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    sink.chunk(HEAD, text("a"));
    client.read(false);
    assertEquals(client.chunk(), "a");
    sink.fail(new ServingException(ErrorKind.WORKER_LOST, "Worker died."));
    assertThrows(IOException.class, client::chunk);
  }

  @Test
  public void errorBeforeTheFirstChunkIsAnOrdinaryError() throws Exception {
    RawClient client = client();
    begin(client, POST).fail(new ServingException(ErrorKind.WORKER_LOST, "Worker died."));
    assertEquals(client.read().status(), 500);
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void http10StreamsEndWithTheConnection() throws Exception {
    RawClient client = client();
    ResponseSink sink =
        begin(client, "POST /predictions/m HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    sink.chunk(HEAD, text("a"));
    RawResponse head = client.read(false);
    assertEquals(head.header("transfer-encoding"), null);
    assertEquals(head.header("connection"), "close");
    sink.end(text("b"));
    assertEquals(client.readToEnd(), "ab");
  }

  @Test
  public void http10StreamThatFailsIsReset() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "POST /predictions/m HTTP/1.0\r\n\r\n");
    sink.chunk(HEAD, text("a"));
    client.read(false);
    sink.fail(new ServingException(ErrorKind.WORKER_LOST, "Worker died."));
    assertThrows(IOException.class, client::readToEnd);
  }

  @Test
  public void headOfAStreamHasNoBodyAndStopsTheModel() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "HEAD /predictions/m HTTP/1.1\r\nHost: t\r\n\r\n");
    sink.chunk(HEAD, text("a"));
    assertEquals(client.read(false).status(), 201);
    waitUntil("cancelled", () -> inference.cancelled.get() == 1);
    sink.end(text("b"));
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void clientThatLeavesStopsItsStream() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    sink.chunk(HEAD, text("a"));
    client.read(false);
    client.close();
    waitUntil("cancelled", () -> inference.cancelled.get() == 1);
    sink.chunk(ResponseHead.EMPTY, text("b"));
  }

  @Test
  public void onlyTheSlowClientLosesItsStream() throws Exception {
    RawClient slow = client();
    ResponseSink sink = begin(slow, POST);
    RawClient other = client();
    ResponseSink otherSink = begin(other, POST);
    otherSink.chunk(HEAD, text("a"));
    other.read(false);
    String large = "x".repeat(16 * 1024);
    for (int i = 0; i < 20_000 && inference.cancelled.get() == 0; i++) {
      sink.chunk(HEAD, text(large));
      if (i % 64 == 0) {
        Thread.sleep(1);
      }
    }
    waitUntil("cut", () -> inference.cancelled.get() == 1);
    assertEquals(other.chunk(), "a");
    otherSink.end(text("b"));
    assertEquals(other.chunk(), "b");
    assertEquals(other.chunk(), "");
    assertThrows(
        IOException.class,
        () -> {
          slow.read(true);
        });
  }

  @Test
  public void chunksFromSeveralThreadsStayInOrder() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    for (int i = 0; i < 100; i++) {
      int number = i;
      Thread thread = new Thread(() -> sink.chunk(HEAD, text(number + " ")), "chunk-" + i);
      thread.start();
      thread.join();
    }
    sink.end(text("end"));
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      expected.append(i).append(' ');
    }
    assertEquals(client.read().body(), expected + "end");
  }

  @Test
  public void invalidHeadOfAStreamIsAnErrorAndStopsTheModel() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, POST);
    sink.chunk(new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("x", "\n"))), text("a"));
    assertEquals(client.read().status(), 500);
    sink.end(text("b"));
    assertTrue(inference.cancelled.get() == 1);
    assertEquals(client.get("/ping").status(), 200);
  }
}
