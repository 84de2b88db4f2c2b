package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.http.RawClient.RawResponse;

public class ConnectionTest extends HttpTestBase {

  private static final String PING = "GET /ping HTTP/1.1\r\nHost: t\r\n\r\n";
  private static final String HEALTHY = "{\n  \"status\": \"Healthy\"\n}\n";

  @Test
  public void responsesCarryTheHeadersOfTheApi() throws Exception {
    RawResponse response = client().get("/ping");
    assertEquals(response.statusLine(), "HTTP/1.1 200 OK");
    assertEquals(response.body(), HEALTHY);
    assertEquals(response.header("content-type"), "application/json");
    assertEquals(response.header("pragma"), "no-cache");
    assertEquals(response.header("cache-control"), "no-cache, no-store, must-revalidate, private");
    assertEquals(response.header("expires"), "Thu, 01 Jan 1970 00:00:00 UTC");
    assertEquals(response.header("connection"), "keep-alive");
    assertTrue(
        response.header("x-request-id").matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        response.header("x-request-id"));
  }

  @Test
  public void aUsableRequestIdIsHonoured() throws Exception {
    RawClient client = client();
    assertEquals(
        client.get("/ping", "X-Request-Id: my-id_1.a").header("x-request-id"), "my-id_1.a");
    assertNotEquals(client.get("/ping", "x-request-id: a b").header("x-request-id"), "a b");
    String tooLong = "a".repeat(129);
    assertNotEquals(
        client.get("/ping", "x-request-id: " + tooLong).header("x-request-id"), tooLong);
  }

  @Test
  public void pipelinedRequestsGetResponsesInOrder() throws Exception {
    inference.hold();
    RawClient client = client();
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 3; i++) {
      all.append("POST /predictions/m").append(i);
      all.append(" HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n").append(i);
    }
    client.send(all + PING);
    for (int i = 0; i < 3; i++) {
      FakeInference.Waiting waiting = inference.nextWaiting();
      assertEquals(waiting.request().model(), "m" + i);
      assertTrue(inference.waiting.isEmpty(), "one at a time");
      byte[] body = ("answer " + i).getBytes(StandardCharsets.UTF_8);
      waiting.sink().complete(FakeInference.text(), Unpooled.wrappedBuffer(body));
    }
    for (int i = 0; i < 3; i++) {
      assertEquals(client.read().body(), "answer " + i);
    }
    assertEquals(client.read().body(), HEALTHY);
  }

  @Test
  public void manyPipelinedRequestsBehindASlowOneAllGetResponses() throws Exception {
    inference.hold();
    RawClient client = client();
    client.request("GET", "/predictions/m", null);
    FakeInference.Waiting waiting = inference.nextWaiting();
    int count = 20_000;
    CompletableFuture<Void> sent =
        CompletableFuture.runAsync(
            () -> {
              try {
                client.send(PING.repeat(count));
              } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    waiting.sink().complete(FakeInference.text(), Unpooled.copiedBuffer(new byte[] {'x'}));
    assertEquals(client.read().body(), "x");
    for (int i = 0; i < count; i++) {
      assertEquals(client.read().body(), HEALTHY);
    }
    sent.get(60, TimeUnit.SECONDS);
  }

  @Test
  public void connectionCloseIsHonoured() throws Exception {
    RawClient client = client();
    RawResponse response = client.get("/ping", "Connection: close");
    assertEquals(response.header("connection"), "close");
    assertEquals(client.readToEnd(), "");
  }

  @Test
  public void http10ClosesUnlessAskedToStay() throws Exception {
    RawClient client = client();
    client.send("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assertEquals(client.read().header("connection"), "keep-alive");
    client.send("GET /ping HTTP/1.0\r\n\r\n");
    assertEquals(client.read().header("connection"), "close");
    assertEquals(client.readToEnd(), "");
  }

  @Test
  public void clientErrorsLeaveTheConnectionUsable() throws Exception {
    RawClient client = client();
    assertEquals(client.post("/nowhere", "{}").status(), 404);
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void headHasTheHeadersOfGetAndNoBody() throws Exception {
    RawClient client = client();
    RawResponse head = client.request("HEAD", "/ping", null).read(false);
    assertEquals(head.status(), 200);
    assertEquals(head.header("content-length"), Integer.toString(HEALTHY.length()));
    assertEquals(client.get("/ping").body(), HEALTHY);
    assertEquals(client.request("HEAD", "/nowhere", null).read(false).status(), 404);
    assertEquals(client.get("/ping").body(), HEALTHY);
  }

  @DataProvider
  public Object[][] malformed() {
    String body = "Content-Length: 4\r\n";
    String chunked = "Transfer-Encoding: chunked\r\n";
    String start = "POST /predictions/m HTTP/1.1\r\nHost: t\r\n";
    return new Object[][] {
      {"nonsense\r\n\r\n"},
      {"GET /ping HTTP/1.1\r\n\r\n"},
      {"GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"GET /ping\r\n\r\n"},
      {"GET /ping HTTP/1.1\nHost: t\n\n"},
      {"GET /ping HTTP/1.1\r\nHost: t\r\nBad Name: x\r\n\r\n"},
      {"GET /ping HTTP/1.1\r\nHost : t\r\n\r\n"},
      {"GET  /ping HTTP/1.1\r\nHost: t\r\n\r\n"},
      {"GET /ping\u0007 HTTP/1.1\r\nHost: t\r\n\r\n"},
      {"GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"GET /ping HTTP/1.1\r\n Host: t\r\n\r\n"},
      {"GET /ping HTTP/1.1\r\nHost: t\r\nX: a\r\n\tb\r\n\r\n"},
      {start + body + chunked + "\r\n0\r\n\r\n"},
      {start + chunked + body + "\r\n0\r\n\r\n"},
      {start + body + "Content-Length: 5\r\n\r\nabcd"},
      {start + "Content-Length: 4, 5\r\n\r\nabcd"},
      {start + "Content-Length: +4\r\n\r\nabcd"},
      {start + "Content-Length: -1\r\n\r\n"},
      {start + "Content-Length: 4x\r\n\r\nabcd"},
      {start + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
      {start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {start + chunked + chunked + "\r\n0\r\n\r\n"},
      {"POST /predictions/m HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n"},
      {start + chunked + "\r\nzz\r\nabcd\r\n0\r\n\r\n"},
      {start + chunked + "\r\n-4\r\nabcd\r\n0\r\n\r\n"},
      {start + chunked + "\r\n0x4\r\nabcd\r\n0\r\n\r\n"},
      {start + chunked + "\r\n4\r\nabcdef\r\n0\r\n\r\n"},
      {start + chunked + "\r\n4\nabcd\n0\n\n"},
    };
  }

  @Test(dataProvider = "malformed")
  public void malformedMessagesAreRefusedAndTheConnectionEnds(String bytes) throws Exception {
    assertRefused(bytes, 400, "BadRequestException");
  }

  @DataProvider
  public Object[][] beyondLimits() {
    String host = " HTTP/1.1\r\nHost: t\r\n";
    return new Object[][] {
      {"GET /" + "a".repeat(4100) + host + "\r\n", 414, "BadRequestException"},
      {"GET /ping" + host + "X: " + "a".repeat(8200) + "\r\n\r\n", 431, "BadRequestException"},
      {"GET /ping HTTP/2.0\r\nHost: t\r\n\r\n", 505, "BadRequestException"},
      {
        "POST /ping" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        "NotImplementedException"
      },
    };
  }

  @Test(dataProvider = "beyondLimits")
  public void whatIsBeyondTheListenerHasAStatusOfItsOwn(String bytes, int status, String type)
      throws Exception {
    assertRefused(bytes, status, type);
  }

  private void assertRefused(String bytes, int status, String type) throws Exception {
    RawClient client = client();
    client.send(bytes);
    RawResponse response = client.read();
    assertEquals(response.status(), status, response.body());
    assertTrue(response.body().contains("\"type\": \"" + type + "\""), response.body());
    if (status != 501) {
      assertTrue(
          response.body().contains("\"message\": \"Invalid HTTP message.\""), response.body());
    }
    assertEquals(response.header("connection"), "close");
    client.send(PING);
    assertEquals(client.readToEnd(), "", "nothing after it is taken for a request");
    assertNull(inference.seen.poll());
  }

  @Test
  public void expectationIsMetBeforeTheBodyIsSent() throws Exception {
    RawClient client = client();
    client.request("POST", "/predictions/m", null, "Content-Length: 4", "Expect: 100-continue");
    assertEquals(client.line(), "HTTP/1.1 100 Continue");
    assertEquals(client.line(), "");
    client.send("abcd");
    assertEquals(client.read().body(), "ok");
    assertEquals(inference.next().parts().get(0).value(), "abcd");
  }

  @Test
  public void pipelinedExpectationWaitsForItsTurn() throws Exception {
    inference.hold();
    RawClient client = client();
    client.request("POST", "/predictions/m", "a");
    client.request("POST", "/predictions/m", null, "Content-Length: 1", "Expect: 100-continue");
    FakeInference.Waiting first = inference.nextWaiting();
    first.sink().complete(FakeInference.text(), Unpooled.copiedBuffer(new byte[] {'1'}));
    assertEquals(client.read().body(), "1");
    assertEquals(client.line(), "HTTP/1.1 100 Continue");
  }

  @Test
  public void expectationOfATooLargeBodyIsRefusedAtOnce() throws Exception {
    RawClient client = client();
    client.request("POST", "/predictions/m", null, "Content-Length: 1001", "Expect: 100-continue");
    RawResponse response = client.read();
    assertEquals(response.status(), 413);
    assertEquals(response.header("connection"), "close");
  }

  @Test
  public void unknownExpectationsFail() throws Exception {
    RawResponse response = client().post("/predictions/m", "abcd", "Expect: 200-ok");
    assertEquals(response.status(), 417);
    assertTrue(
        response.body().contains("\"type\": \"ExpectationFailedException\""), response.body());
  }

  @Test
  public void declaredTooLargeBodyIsSkippedAndTheConnectionKept() throws Exception {
    RawClient client = client();
    RawResponse response = client.post("/predictions/m", "a".repeat(MAX_REQUEST + 1));
    assertEquals(response.status(), 413);
    assertTrue(
        response.body().contains("\"type\": \"RequestEntityTooLargeException\""), response.body());
    assertTrue(response.body().contains("max_request_size=" + MAX_REQUEST), response.body());
    assertEquals(client.get("/ping").body(), HEALTHY);
    assertNull(inference.seen.poll());
  }

  @Test
  public void bodyThatPassesTheLimitEndsTheConnection() throws Exception {
    RawClient client = client();
    client.send("POST /predictions/m HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3e8\r\n" + "a".repeat(1000) + "\r\n1\r\na\r\n");
    RawResponse response = client.read();
    assertEquals(response.status(), 413);
    assertEquals(response.header("connection"), "close");
    client.send("5\r\nabcde\r\n0\r\n\r\n" + PING);
    assertEquals(client.readToEnd(), "");
  }

  @Test
  public void hugeUploadStillSeesItsRefusal() throws Exception {
    RawClient client = client();
    client.send("POST /predictions/m HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\n\r\n");
    client.send("a".repeat(3_000_000));
    assertEquals(client.read().status(), 413);
    client.send("a".repeat(3_000_000));
    assertEquals(client.readToEnd(), "", "no reset");
  }

  @Test
  public void bodyOfTheLargestSizeIsTakenWhole() throws Exception {
    String body = "a".repeat(MAX_REQUEST);
    assertEquals(client().post("/predictions/m", body).status(), 200);
    assertEquals(inference.next().parts().get(0).value(), body);
  }

  @Test
  public void chunkedBodyInOddPiecesArrivesWhole() throws Exception {
    RawClient client = client();
    client.send("POST /predictions/m HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("2;ext=1\r\nab\r").send("\n3\r\ncd").send("e\r\n0\r\nTrailer: x\r\n\r\n");
    assertEquals(client.read().status(), 200);
    assertEquals(inference.next().parts().get(0).value(), "abcde");
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void requestSentByteByByteIsUnderstood() throws Exception {
    RawClient client = client();
    String request = "POST /predictions/m HTTP/1.1\r\nHost: t\r\nContent-Length: 300\r\n\r\n";
    for (char character : (request + "x".repeat(300)).toCharArray()) {
      client.send(String.valueOf(character));
    }
    assertEquals(client.read().status(), 200);
    assertEquals(inference.next().parts().get(0).value(), "x".repeat(300));
  }

  @Test
  public void clientThatLeavesCancelsItsRequest() throws Exception {
    inference.hold();
    RawClient client = client();
    client.request("POST", "/predictions/m", "a");
    client.request("POST", "/predictions/n", "b");
    FakeInference.Waiting waiting = inference.nextWaiting();
    client.close();
    waitUntil("cancelled", () -> inference.cancelled.get() == 1);
    waiting.sink().complete(FakeInference.text(), Unpooled.buffer().writeByte(1));
    assertTrue(inference.waiting.isEmpty(), "what was sent ahead never begins");
  }

  @Test
  public void asteriskAndAbsoluteTargetsAreUnderstood() throws Exception {
    RawClient client = client();
    RawResponse options = client.request("OPTIONS", "*", null).read();
    assertEquals(options.status(), 204);
    assertTrue(options.header("allow").contains("POST"));
    assertEquals(client.get("http://host:8080/ping").status(), 200);
    assertEquals(client.get("HTTP://host/ping?x").status(), 200);
    assertEquals(client.request("OPTIONS", "http://host", null).read().status(), 200);
    assertEquals(client.get("ping").status(), 400);
  }

  @DataProvider
  public Object[][] tunnels() {
    return new Object[][] {
      {"host:80", 501},
      {"127.0.0.1:8080", 501},
      {"[::1]:443", 501},
      {"host", 400},
      {"host:", 400},
      {":80", 400},
      {"user@host:80", 400},
      {"host:80/", 400},
      {"*", 400},
      {"/ping", 405},
    };
  }

  @Test(dataProvider = "tunnels")
  public void connectIsUnderstoodAndNotImplemented(String target, int status) throws Exception {
    RawClient client = client();
    client.send("CONNECT " + target + " HTTP/1.1\r\nHost: host:80\r\n\r\n");
    assertEquals(client.read().status(), status);
    if (status == 501) {
      assertEquals(client.readToEnd(), "", "what follows is not taken for a request");
    }
  }
}
