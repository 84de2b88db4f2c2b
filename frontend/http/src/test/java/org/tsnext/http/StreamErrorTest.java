package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.http.Http2Client.Call;
import org.tsnext.http.RawClient.RawResponse;

/** An error after the first part of a stream, and the headers that a handler gives an error. */
public class StreamErrorTest extends HttpTestBase {

  private static final String JSON =
      "{\"error\":{\"code\":503,\"type\":\"InternalServerException\","
          + "\"message\":\"Prediction failed\",\"detail\":\"ValueError: ü\"}}";

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }

  private static ResponseHead head(String contentType) {
    return new ResponseHead(0, "", BodyKind.TEXT, List.of(new Header("content-type", contentType)));
  }

  private static ServingException failure() {
    return new ServingException(ErrorKind.PREDICTION_FAILED, "Prediction failed")
        .withDetail("ValueError: ü");
  }

  private ResponseSink begin(RawClient client, String headers) throws Exception {
    inference.hold();
    client.send("POST /predictions/m HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n");
    return inference.nextWaiting().sink();
  }

  @DataProvider
  public Object[][] forms() {
    return new Object[][] {
      {"text/event-stream", "data: 1\n\n", "\nevent: error\ndata: " + JSON + "\n\n"},
      {"Text/Event-Stream; charset=utf-8", "data: 1", "\n\nevent: error\ndata: " + JSON + "\n\n"},
      {"application/x-ndjson", "1\n", JSON + "\n"},
      {"application/jsonl", "1", "\n" + JSON + "\n"},
    };
  }

  @Test(dataProvider = "forms")
  public void eventsAndLinesEndWithTheError(String type, String part, String last)
      throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "");
    sink.chunk(head(type), text(part));
    assertNull(client.read(false).header("trailer"));
    assertEquals(client.chunk(), part);
    sink.fail(failure());
    assertEquals(client.chunk(), last);
    assertEquals(client.chunk(), "");
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void clientThatTakesTrailersGetsTheErrorInOne() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "TE: trailers, deflate;q=0.5\r\n");
    sink.chunk(head("text/plain"), text("a"));
    assertEquals(client.read(false).header("trailer"), "ts-error");
    assertEquals(client.chunk(), "a");
    sink.fail(failure());
    assertEquals(client.line(), "0");
    assertEquals(client.line(), "ts-error: " + JSON.replace("ü", "\\u00fc"));
    assertEquals(client.line(), "");
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void streamThatEndsWellHasNoTrailer() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "TE: trailers\r\n");
    sink.chunk(head("text/plain"), text("a"));
    sink.end();
    assertEquals(client.read().body(), "a");
    assertEquals(client.get("/ping").status(), 200);
  }

  @Test
  public void longErrorIsShortInTheTrailer() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "TE: trailers\r\n");
    sink.chunk(head("text/plain"), text("a"));
    client.read(false);
    client.chunk();
    sink.fail(failure().withDetail("x".repeat(8000)));
    assertEquals(client.line(), "0");
    String expected =
        "ts-error: {\"error\": {\"code\": 503, \"type\": \"InternalServerException\"}}";
    assertEquals(client.line(), expected);
  }

  @Test
  public void otherStreamIsCut() throws Exception {
    RawClient client = client();
    ResponseSink sink = begin(client, "");
    sink.chunk(head("text/plain"), text("a"));
    client.read(false);
    client.chunk();
    sink.fail(failure());
    assertThrows(IOException.class, client::chunk);
  }

  @Test
  public void http2HasTheSame() throws Exception {
    try (Http2Client client = new Http2Client(port, false)) {
      Call events = begin(client);
      ResponseSink sink = inference.nextWaiting().sink();
      sink.chunk(head("text/event-stream"), text("data: 1\n\n"));
      events.head();
      assertEquals(events.next(), "data: 1\n\n");
      sink.fail(failure());
      assertEquals(events.body(), "\nevent: error\ndata: " + JSON + "\n\n");
      Call trailers = begin(client, "te", "trailers");
      sink = inference.nextWaiting().sink();
      sink.chunk(head("text/plain"), text("a"));
      assertEquals(trailers.head().get("trailer").toString(), "ts-error");
      assertEquals(trailers.next(), "a");
      sink.fail(failure());
      Http2Headers last = (Http2Headers) trailers.next();
      assertEquals(last.get("ts-error").toString(), JSON.replace("ü", "\\u00fc"));
    }
  }

  private Call begin(Http2Client client, String... headers) throws Exception {
    inference.hold();
    return client.begin(Http2Client.headers("POST", "/predictions/m", headers), true);
  }

  @Test
  public void headersOfAnErrorAreSentUnlessTheyAreTheServers() throws Exception {
    RawClient client = client();
    Map<String, String> headers =
        Map.of("Retry-After", "3", "X-A", "ü", "Connection", "close", "Content-Type", "text/x");
    begin(client, "").fail(ServingException.ofHandler(429, "slow down").withHeaders(headers));
    RawResponse response = client.read();
    assertEquals(response.status(), 429);
    assertEquals(response.header("retry-after"), "3");
    assertEquals(response.header("content-type"), "application/json");
    assertEquals(response.header("connection"), "keep-alive");
    assertTrue(response.body().contains("slow down"));
  }

  @Test
  public void headerThatHttpCannotCarryIsAnErrorThatNamesIt() throws Exception {
    RawClient client = client();
    begin(client, "")
        .fail(ServingException.ofHandler(400, "no").withHeaders(Map.of("X-A", "b\r\nc: d")));
    RawResponse response = client.read();
    assertEquals(response.status(), 500);
    assertNull(response.header("c"));
    assertTrue(response.body().contains("invalid value of header X-A"), response.body());
  }
}
