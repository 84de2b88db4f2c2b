package org.tsnext.archive.remote;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.Archives;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.Workspace;

/** Connects to an address, and still asks for the certificate of the name. */
public class HttpsDownloadTest {

  private static final char[] PASSWORD = "test-password".toCharArray();

  private Workspace workspace;
  private RawServer server;
  private FakeNetwork network;
  private UrlModelSource source;

  @BeforeClass
  public void start() throws Exception {
    workspace = new Workspace();
    KeyStore keys = keyStoreFor("models.example");
    KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    own.init(keys, PASSWORD);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(own.getKeyManagers(), null, null);
    ServerSocket listener =
        tls.getServerSocketFactory().createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    server = new RawServer(listener);
    server.ok("/m.mar", Archives.zip().file("handler.py", "code").bytes());
    server.redirect("/down", "http://models.example/m.mar");
    network =
        new FakeNetwork(server.address())
            .name("models.example", "1.1.1.1")
            .name("other.example", "1.1.1.1");
    TrustManagerFactory trusted =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trusted.init(keys);
    source =
        new UrlModelSource(
            workspace.source(),
            new RemoteSettings(
                new AllowedUrls(List.of(Pattern.compile("https?://.*"))),
                List.of(),
                new DownloadLimits(
                    1 << 20, Duration.ofSeconds(20), Duration.ofSeconds(20), Duration.ofMinutes(1)),
                workspace.root().resolve("tmp/downloads"),
                Map.of()),
            System::nanoTime,
            network,
            SslContextBuilder.forClient()
                .trustManager(trusted)
                .endpointIdentificationAlgorithm("HTTPS")
                .build());
  }

  @AfterClass(alwaysRun = true)
  public void stop() throws IOException {
    source.close();
    server.close();
    workspace.close();
  }

  private KeyStore keyStoreFor(String host) throws Exception {
    Path file = workspace.root().resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=" + host,
                "-ext",
                "san=dns:" + host,
                "-storetype",
                "PKCS12",
                "-storepass",
                new String(PASSWORD),
                "-keystore",
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(workspace.root().resolve("keytool.log").toFile())
            .start();
    assertEquals(keytool.waitFor(), 0, Files.readString(workspace.root().resolve("keytool.log")));
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD);
    }
    return keys;
  }

  private static ModelLocation api(String url) throws ArchiveException {
    return ModelLocation.parse(url, false, false);
  }

  @Test
  public void theCertificateOfTheNameIsAccepted() throws Exception {
    source.release(source.open(api("https://models.example/m.mar")));
  }

  @Test
  public void theCertificateOfAnotherNameIsNot() {
    ArchiveException e =
        expectThrows(ArchiveException.class, () -> source.open(api("https://other.example/m.mar")));
    assertTrue(e.detail().orElseThrow().startsWith("TLS failed"), e.detail().toString());
  }

  @Test
  public void fromHttpsNothingLeadsBackToHttp() {
    ArchiveException e =
        expectThrows(ArchiveException.class, () -> source.open(api("https://models.example/down")));
    assertEquals(e.reason(), ArchiveException.Reason.NOT_FOUND);
    assertTrue(e.detail().orElseThrow().contains("https to http"), e.detail().toString());
  }
}
