package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.Test;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.time.Clock;
import org.tsnext.http.Http2Client.Call;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.TokenSettings;

/** What is asked of clients does not depend on the version of HTTP. */
public class Http2AccessTest extends HttpTestBase {

  private ConnectionLimits limits = ConnectionLimits.none();

  @Override
  AccessSettings access() {
    AccessTokens keys = new AccessTokens(Clock.system());
    keys.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    TokenSettings tokens =
        new TokenSettings(
            keys, Optional.of(kind -> CompletableFuture.completedFuture(null)), Set.of(), false);
    return new AccessSettings(Optional.of(tokens), new HostSettings(List.of()), limits);
  }

  private int serveWith(ConnectionLimits chosen) throws IOException {
    limits = chosen;
    try {
      return port(serve(settings()).bind().get(0));
    } finally {
      limits = ConnectionLimits.none();
    }
  }

  @Test
  public void keysAreAskedForBeforeTheBodyIsThere() throws Exception {
    try (Http2Client client = new Http2Client(port, false)) {
      Call call = client.begin(Http2Client.headers("POST", "/predictions/cats"), false);
      assertEquals(call.status(), 401);
      assertTrue(call.body().contains("InvalidKeyException"));
      assertEquals(
          client.post("/predictions/cats", "x", "authorization", "Bearer manage").status(), 403);
      assertEquals(
          client.post("/predictions/cats", "x", "authorization", "Bearer ask").status(), 200);
    }
  }

  @Test
  public void strangersNamesAreRefused() throws Exception {
    try (Http2Client client = new Http2Client(managementPort, false)) {
      Http2Headers head = Http2Client.headers("GET", "/models", "authorization", "Bearer manage");
      head.authority("evil.example:8081");
      Call call = client.begin(head, true);
      assertEquals(call.status(), 403);
      assertTrue(call.body().contains("HostNotAllowedException"));
      assertEquals(client.get("/models", "authorization", "Bearer manage").status(), 200);
    }
  }

  @Test
  public void connectionWithoutStreamsIsClosedAfterAWhile() throws Exception {
    int limited = serveWith(new ConnectionLimits(0, 0, 0, Duration.ofMillis(1500), Duration.ZERO));
    try (Http2Client client = new Http2Client(limited, false)) {
      assertEquals(client.get("/ping", "authorization", "Bearer ask").status(), 200);
      Object seen = client.ofConnection.take();
      assertTrue(List.of("GOAWAY NO_ERROR", "closed").contains(seen), seen.toString());
    }
  }

  @Test
  public void bodyThatStopsLosesItsStreamOnly() throws Exception {
    int limited = serveWith(new ConnectionLimits(0, 0, 0, Duration.ZERO, Duration.ofMillis(1500)));
    inference.hold();
    try (Http2Client client = new Http2Client(limited, false)) {
      Call waiting = client.post("/predictions/cats", "x", "authorization", "Bearer ask");
      Call half =
          client.begin(
              Http2Client.headers("POST", "/predictions/cats", "authorization", "Bearer ask"),
              false);
      half.data("half", false);
      assertEquals(half.next(), Http2Error.ENHANCE_YOUR_CALM);
      inference.nextWaiting();
      assertTrue(waiting.received.isEmpty(), "it still waits for its model");
      assertTrue(client.channel().isActive());
    }
  }
}
