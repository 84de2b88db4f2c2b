package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.http.Http2Client.Call;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.transport.testing.CapturedLog;
import org.tsnext.transport.testing.TrustEverybody;
import org.tsnext.transport.tls.KeySource;
import org.tsnext.transport.tls.TlsKeys;

/** HTTP/1.1 and HTTP/2 over TLS. */
public class TlsListenerTest extends HttpTestBase {

  private ExecutorService handshakes;
  private TlsKeys keys;
  private SSLContext trusting;
  private ConnectionLimits limits = ConnectionLimits.none();

  @BeforeClass
  public void makeKey() throws Exception {
    handshakes = Executors.newFixedThreadPool(2);
    keys = TlsKeys.open(new KeySource.SelfSigned(List.of("localhost")), InstantSource.system());
    trusting = SSLContext.getInstance("TLS");
    trusting.init(null, TrustEverybody.managers(), new SecureRandom());
  }

  @AfterClass(alwaysRun = true)
  public void endHandshakes() {
    handshakes.shutdownNow();
  }

  @BeforeMethod(alwaysRun = true)
  public void withoutLimits() {
    limits = ConnectionLimits.none();
  }

  @Override
  AccessSettings access() {
    return new AccessSettings(Optional.empty(), new HostSettings(List.of()), limits);
  }

  @Override
  SocketSettings sockets() {
    return new SocketSettings(
        Optional.of(new SocketSettings.Tls(keys, handshakes)), SocketSettings.plain().unixMode());
  }

  @Override
  HttpSettings settings() {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0, true);
    return settings(any, any, CorsSettings.none(), true);
  }

  @Test
  public void requestsOfOneConnectionGetResponsesInOrder() throws Exception {
    try (RawClient client = tlsClient()) {
      assertEquals(client.post("/predictions/m", "x").body(), "ok");
      client.request("GET", "/ping", null).request("GET", "/nowhere", null);
      assertEquals(client.read().status(), 200);
      assertEquals(client.read().status(), 404);
      client.request("GET", "/ping", null, "Connection: close");
      assertEquals(client.read().header("connection"), "close");
      assertEquals(client.readToEnd(), "", "with the good-bye of TLS");
    }
  }

  @Test
  public void http2IsNegotiated() throws Exception {
    try (Http2Client client = new Http2Client(port, true)) {
      Call call = client.post("/predictions/m", "x");
      assertEquals(call.status(), 200);
      assertEquals(call.body(), "ok");
    }
  }

  @Test
  public void serverThatStopsSaysGoodByeToBoth() throws Exception {
    inference.hold();
    try (Http2Client client = new Http2Client(port, true);
        RawClient raw = tlsClient()) {
      Call call = client.post("/predictions/m", "x");
      ResponseSink first = inference.nextWaiting().sink();
      raw.request("POST", "/predictions/m", "x");
      ResponseSink second = inference.nextWaiting().sink();
      Thread closing = new Thread(() -> server.close(Duration.ofSeconds(30)), "closing");
      closing.start();
      assertEquals(client.ofConnection.take(), "GOAWAY NO_ERROR");
      first.complete(ResponseHead.EMPTY, text("1"));
      second.complete(ResponseHead.EMPTY, text("2"));
      assertEquals(call.status(), 200);
      assertEquals(raw.read().body(), "2");
      assertEquals(raw.readToEnd(), "");
      closing.join(60_000);
      assertTrue(!closing.isAlive());
    }
  }

  @Test
  public void connectionTooManyMayPingOnce() throws Exception {
    limits = new ConnectionLimits(1, 0, 0, Duration.ZERO, Duration.ZERO);
    port = port(serve(settings()).bind().get(0));
    try (RawClient first = tlsClient()) {
      assertEquals(first.get("/ping").status(), 200);
      // The client offers HTTP/2 as well, as curl does.
      try (RawClient probe = tlsClient("h2", "http/1.1")) {
        assertEquals(((SSLSocket) probe.socket()).getApplicationProtocol(), "http/1.1");
        probe.request("GET", "/ping", null).request("GET", "/models", null);
        RawResponse answer = probe.read();
        assertEquals(answer.status(), 200);
        assertTrue(answer.body().contains("Healthy"), answer.body());
        assertEquals(answer.header("connection"), "close");
        assertEquals(probe.readToEnd(), "", "with the good-bye of TLS");
      }
      try (RawClient refused = tlsClient()) {
        RawResponse answer = refused.request("POST", "/predictions/m", "x").read();
        assertEquals(answer.status(), 503);
        assertEquals(answer.header("retry-after"), "1");
        assertEquals(refused.readToEnd(), "", "with the good-bye of TLS");
      }
      try (RawClient silent = tlsClient()) {
        ((SSLSocket) silent.socket()).startHandshake();
        assertEquals(silent.read().status(), 503);
      }
      try (RawClient plain = client()) {
        plain.request("GET", "/ping", null);
        assertTrue(plain.readToEnd().chars().noneMatch(c -> c == '{'), "no answer without TLS");
      }
      assertEquals(first.get("/ping").status(), 200, "the one that is in goes on");
    }
    assertTrue(inference.isEmpty(), "nothing reached a model");
  }

  private RawClient tlsClient(String... protocols) throws IOException {
    SSLSocket socket = (SSLSocket) trusting.getSocketFactory().createSocket("127.0.0.1", port);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setApplicationProtocols(protocols);
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return new RawClient(socket);
  }

  private RawClient failedStream(String version) throws Exception {
    inference.hold();
    RawClient client = tlsClient();
    client.send("POST /predictions/m HTTP/" + version + "\r\nHost: t\r\n\r\n");
    ResponseSink sink = inference.nextWaiting().sink();
    sink.chunk(ResponseHead.EMPTY, text("a"));
    client.read(false);
    sink.fail(new ServingException(ErrorKind.WORKER_LOST, "Worker died."));
    return client;
  }

  @Test
  public void streamThatFailsIsNoCleanEnd() throws Exception {
    try (RawClient client = failedStream("1.1")) {
      assertEquals(client.readToEnd(), "1\r\na\r\n", "without the last chunk");
    }
    try (RawClient client = failedStream("1.0")) {
      assertThrows(IOException.class, client::readToEnd);
    }
  }

  @Test
  public void plainRequestGetsTheHintToUseHttps() throws Exception {
    RawClient client = client();
    RawResponse response = client.request("POST", "/predictions/m", "x").read();
    assertEquals(response.status(), 403);
    assertEquals(
        response.body(),
        "{\n  \"status\": \"This TorchServe instance only accepts HTTPS requests\"\n}\n");
    assertEquals(client.readToEnd(), "");
    assertTrue(inference.isEmpty());
  }

  @Test
  public void brokenRecordsEndTheConnectionSilently() throws Exception {
    try (CapturedLog log = new CapturedLog("org.tsnext.http");
        RawClient client = tlsClient()) {
      client.get("/ping");
      try (Socket raw = new Socket(InetAddress.getLoopbackAddress(), port)) {
        raw.getOutputStream().write(new byte[] {22, 9, 9, 0, 1, 0});
        raw.setSoTimeout(60_000);
        raw.getInputStream().readAllBytes();
      }
      assertEquals(client.get("/ping").status(), 200);
      assertEquals(log.lines(), List.of());
    }
  }

  @Test
  public void clientWithoutAHandshakeIsClosedWithTheServer() throws Exception {
    try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), port)) {
      silent.setSoTimeout(60_000);
      server.close(Duration.ofSeconds(5));
      assertThrows(EOFException.class, () -> endOf(silent));
    }
  }

  private static void endOf(Socket socket) throws IOException {
    if (socket.getInputStream().read() < 0) {
      throw new EOFException();
    }
  }

  private static ByteBuf text(String text) {
    return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
  }
}
