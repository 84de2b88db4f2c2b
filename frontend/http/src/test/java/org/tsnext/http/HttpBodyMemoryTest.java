package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;

/** Many large bodies at once: what finds no room is refused, and nothing else. */
public class HttpBodyMemoryTest extends HttpTestBase {

  private static final int LARGE = 60_000;

  private static final ResponseHead HEAD = new ResponseHead(201, "", BodyKind.TEXT, List.of());

  @Override
  HttpSettings settings() {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    return new HttpSettings(
        new HttpSettings.Addresses(any, any, Optional.empty()),
        SocketSettings.plain(),
        new HttpSettings.BodySettings(LARGE, STREAM_LIMIT, 2L * LARGE),
        CorsSettings.none(),
        access(),
        new HttpSettings.ApiSettings(
            true, ErrorForm.next(true), "1.0.0", List::of, OpenInferenceSettings.off()));
  }

  @Test
  public void bodyThatFindsNoRoomIsRefusedAndTheConnectionStays() throws Exception {
    inference.hold();
    RawClient first = client();
    RawClient second = client();
    first.send(post(LARGE) + "x".repeat(LARGE));
    second.send(post(LARGE) + "x".repeat(LARGE));
    var one = inference.nextWaiting();
    var other = inference.nextWaiting();
    RawClient third = client();
    third.send(post(LARGE) + "x".repeat(LARGE));
    RawResponse refused = third.read();
    assertEquals(refused.status(), 503);
    assertEquals(refused.header("retry-after"), "1");
    assertTrue(refused.body().contains("too many large bodies"), refused.body());
    one.sink().complete(HEAD, text("ok"));
    other.sink().complete(HEAD, text("ok"));
    assertEquals(first.read().status(), 201);
    assertEquals(second.read().status(), 201);
    third.send(post(LARGE) + "x".repeat(LARGE));
    inference.nextWaiting().sink().complete(HEAD, text("ok"));
    assertEquals(third.read().status(), 201, "on the same connection, now that there is room");
  }

  @Test
  public void smallBodiesAreServedWhateverIsHeld() throws Exception {
    inference.hold();
    for (int i = 0; i < 2; i++) {
      client().send(post(LARGE) + "x".repeat(LARGE));
      inference.nextWaiting();
    }
    RawClient small = client();
    small.send(post(5) + "small");
    inference.nextWaiting().sink().complete(HEAD, text("ok"));
    assertEquals(small.read().status(), 201);
  }

  @Test
  public void bodyOfUnknownLengthIsRefusedOnceItFindsNoRoom() throws Exception {
    inference.hold();
    for (int i = 0; i < 2; i++) {
      client().send(post(LARGE) + "x".repeat(LARGE));
      inference.nextWaiting();
    }
    RawClient chunked = client();
    chunked.send(
        "POST /predictions/m HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "7530\r\n"
            + "x".repeat(0x7530)
            + "\r\n");
    RawResponse refused = chunked.read();
    assertEquals(refused.status(), 503);
    assertEquals(refused.header("connection"), "close");
  }

  @Test
  public void clientsThatLeaveGiveTheirRoomBack() throws Exception {
    for (int i = 0; i < 5; i++) {
      RawClient leaving = client();
      leaving.send(post(LARGE) + "x".repeat(LARGE / 2));
      leaving.close();
    }
    RawClient whole = client();
    RawResponse response = whole.post("/predictions/m", "x".repeat(LARGE));
    while (response.status() == 503) {
      // The server has not noticed yet that the others have gone.
      response = whole.post("/predictions/m", "x".repeat(LARGE));
    }
    assertEquals(response.status(), 200);
  }

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }

  private static String post(int length) {
    return "POST /predictions/m HTTP/1.1\r\nHost: t\r\nContent-Length: " + length + "\r\n\r\n";
  }
}
