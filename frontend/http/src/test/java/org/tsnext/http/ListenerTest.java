package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.testng.SkipException;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.transport.testing.CapturedLog;

public class ListenerTest extends HttpTestBase {

  private static final ListenAddress ANY_PORT = new ListenAddress.Tcp("127.0.0.1", 0);

  @Test
  public void sameAddressMakesOneListenerWithAllRoutes() throws Exception {
    List<BoundListener> listeners = bindOnOneAddress();
    assertEquals(
        listeners.stream().map(BoundListener::roles).toList(),
        List.of(Set.of(ListenerRole.INFERENCE, ListenerRole.MANAGEMENT)));
    RawClient client = client(port(listeners.get(0)));
    assertEquals(client.get("/ping").status(), 200);
    assertEquals(client.post("/predictions/cats", "x").body(), "ok");
    assertEquals(client.post("/models/cats/invoke", "x").body(), "ok");
    assertEquals(client.get("/models").status(), 200);
    assertTrue(client.get("/models/cats/2.0").body().contains("\"modelVersion\": \"2.0\""));
    assertEquals(client.get("/models/cats/all").status(), 200);
    assertEquals(client.request("PUT", "/models/cats/2.0", "").read().status(), 200);
    assertEquals(client.request("DELETE", "/models/cats/2.0", null).read().status(), 200);
    assertEquals(client.request("OPTIONS", "/models/cats/2.0", null).read().status(), 200);
    assertEquals(client.get("/v1/models/cats").status(), 200);
    assertEquals(client.post("/v1/models/cats:predict", "x").body(), "ok");
    assertEquals(client.request("OPTIONS", "/", null).read().status(), 200);
  }

  @Test
  public void takenPortIsReportedWithItsKey() throws Exception {
    ListenAddress taken = new ListenAddress.Tcp("127.0.0.1", port);
    HttpServer second = serve(settings(ANY_PORT, taken, CorsSettings.none(), true));
    IOException error = expectThrows(IOException.class, second::bind);
    assertTrue(error.getMessage().contains("http://127.0.0.1:" + port), error.getMessage());
    assertTrue(error.getMessage().contains("management_address"), error.getMessage());
    assertTrue(error.getMessage().contains("Address already in use"), error.getMessage());
  }

  @Test
  public void unknownHostIsReportedWithItsKey() throws Exception {
    ListenAddress nowhere = new ListenAddress.Tcp("no-such-host.invalid", 0);
    HttpServer second = serve(settings(nowhere, ANY_PORT, CorsSettings.none(), true));
    IOException error = expectThrows(IOException.class, second::bind);
    assertTrue(error.getMessage().contains("inference_address"), error.getMessage());
  }

  @Test
  public void unixSocketServesItsOwnerAndGoesWithTheServer() throws Exception {
    if (!transport.supportsUnixSockets()) {
      throw new SkipException("no native transport here");
    }
    Path folder = Files.createTempDirectory("ts");
    Path path = folder.resolve("inference.sock");
    HttpServer unix =
        serve(settings(new ListenAddress.Unix(path), ANY_PORT, CorsSettings.none(), true));
    try (CapturedLog log = new CapturedLog("ACCESS_LOG")) {
      unix.bind();
      assertEquals(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)), "rw-------");
      try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        channel.connect(UnixDomainSocketAddress.of(path));
        channel.write(
            ByteBuffer.wrap(
                "GET /ping HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII)));
        ByteBuffer response = ByteBuffer.allocate(4096);
        while (channel.read(response) >= 0) {
          assertTrue(response.hasRemaining());
        }
        String text =
            new String(response.array(), 0, response.position(), StandardCharsets.US_ASCII);
        assertTrue(text.startsWith("HTTP/1.1 200 OK\r\n"), text);
      }
      assertTrue(log.lines().get(0).startsWith("127.0.0.1 \"GET /ping HTTP/1.1\" 200 "));
    }
    unix.close();
    assertFalse(Files.exists(path));
    Files.delete(folder);
  }

  @Test
  public void socketOfALiveServerIsNotTakenAndThatOfADeadOneIs() throws Exception {
    if (!transport.supportsUnixSockets()) {
      throw new SkipException("no native transport here");
    }
    Path folder = Files.createTempDirectory("ts");
    ListenAddress.Unix address = new ListenAddress.Unix(folder.resolve("inference.sock"));
    HttpServer second = serve(settings(address, ANY_PORT, CorsSettings.none(), true));
    try (ServerSocketChannel first = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      first.bind(UnixDomainSocketAddress.of(address.path()));
      IOException error = expectThrows(IOException.class, second::bind);
      assertTrue(error.getMessage().contains("Address already in use"), error.getMessage());
      assertTrue(error.getMessage().contains("inference_address"), error.getMessage());
      second.close();
      assertTrue(Files.exists(address.path()), "still the first one's");
    }
    assertTrue(Files.exists(address.path()), "left behind");
    second.bind();
    second.close();
    assertFalse(Files.exists(address.path()));
    Files.delete(folder);
  }

  @Test
  public void ordinaryFileIsNotReplacedByAUnixSocket() throws Exception {
    Path file = Files.createTempFile("ts", ".txt");
    HttpServer unix =
        serve(settings(new ListenAddress.Unix(file), ANY_PORT, CorsSettings.none(), true));
    expectThrows(IOException.class, unix::bind);
    assertTrue(Files.exists(file));
    Files.delete(file);
  }

  @DataProvider
  public Object[][] addresses() {
    return new Object[][] {
      {"http://127.0.0.1:8080", new ListenAddress.Tcp("127.0.0.1", 8080)},
      {"HTTP://localhost", new ListenAddress.Tcp("localhost", 80)},
      {"http://[::1]:65535", new ListenAddress.Tcp("::1", 65535)},
      {"http://0.0.0.0:0", new ListenAddress.Tcp("0.0.0.0", 0)},
      {"https://h", new ListenAddress.Tcp("h", 443, true)},
      {"HTTPS://[::1]:8444/", new ListenAddress.Tcp("::1", 8444, true)},
      {"unix:/tmp/x.sock", new ListenAddress.Unix(Path.of("/tmp/x.sock"))},
    };
  }

  @Test(dataProvider = "addresses")
  public void addressesAreRead(String text, ListenAddress expected) {
    assertEquals(ListenAddress.parse("inference_address", text, 80, 443), expected);
  }

  @Test
  public void wrongAddressesAreRefusedInWords() {
    for (String text :
        List.of("8080", "http://", "http://h:99999", "http://h:x", "ftp://h", "unix:x")) {
      IllegalArgumentException error =
          expectThrows(
              IllegalArgumentException.class,
              () -> ListenAddress.parse("inference_address", text, 80, 443));
      assertTrue(error.getMessage().startsWith("Invalid binding address: " + text));
      assertTrue(error.getMessage().contains("inference_address"));
    }
  }

  @Test
  public void corsHeadersAreSentAndPreflightsGetResponses() throws Exception {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    CorsSettings cors =
        new CorsSettings(
            Optional.of("https://a.example"),
            Optional.of("GET, POST"),
            Optional.empty(),
            Optional.empty());
    RawClient client = client(port(serve(settings(any, any, cors, true)).bind().get(0)));
    RawResponse response = client.get("/ping");
    assertEquals(response.header("access-control-allow-origin"), "https://a.example");
    assertEquals(response.header("access-control-allow-methods"), "GET, POST");
    assertNull(response.header("access-control-allow-headers"));
    RawResponse preflight =
        client
            .request(
                "OPTIONS",
                "/predictions/unknown",
                null,
                "Origin: https://a.example",
                "Access-Control-Request-Method: POST")
            .read();
    assertEquals(preflight.status(), 204);
    assertEquals(preflight.header("access-control-allow-origin"), "https://a.example");
    assertEquals(client.request("OPTIONS", "/predictions/dogs", null).read().status(), 404);
    assertNull(client().get("/ping").header("access-control-allow-origin"));
  }

  @Test
  public void everyOutcomeIsLoggedOnceWithoutQueryValues() throws Exception {
    try (CapturedLog log = new CapturedLog("ACCESS_LOG")) {
      RawClient client = client();
      client.post("/predictions/m?key=secret&b", "x");
      client.get("/nowhere\"");
      client.post("/predictions/m", "x".repeat(MAX_REQUEST + 1));
      client.send("nonsense\r\n\r\n").read();
      inference.hold();
      RawClient leaving = client();
      leaving.request("GET", "/predictions/m", null);
      inference.nextWaiting();
      leaving.close();
      waitUntil("five lines", () -> log.lines().size() == 5);
      List<String> lines =
          log.lines().stream()
              .map(
                  line ->
                      line.replaceFirst("^/127\\.0\\.0\\.1:\\d+ ", "").replaceFirst("\\d+$", "T"))
              .toList();
      assertEquals(lines.get(0), "\"POST /predictions/m?key&b HTTP/1.1\" 200 T");
      assertEquals(lines.get(1), "\"GET /nowhere? HTTP/1.1\" 404 T");
      assertEquals(lines.get(2), "\"POST /predictions/m HTTP/1.1\" 413 T");
      assertTrue(lines.get(3).endsWith("\" 400 T"), lines.get(3));
      assertEquals(lines.get(4), "\"GET /predictions/m HTTP/1.1\" 499 T");
    }
  }
}
