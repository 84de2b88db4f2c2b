package org.tsnext.transport.tls;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertThrows;

import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.transport.testing.TrustEverybody;

/** Handshakes in memory. */
public class TlsKeysTest {

  private TlsFixture files;

  @BeforeMethod
  public void open() throws IOException {
    files = new TlsFixture();
  }

  @AfterMethod(alwaysRun = true)
  public void close() throws IOException {
    files.close();
  }

  @DataProvider
  public Object[][] handshakes() {
    return new Object[][] {
      {"rsa-pkcs8.pem", "rsa.crt", "TLSv1.3"},
      {"rsa-pkcs8.pem", "rsa.crt", "TLSv1.2"},
      {"ec-pkcs8.pem", "ec.crt", "TLSv1.3"},
      {"ec-pkcs8.pem", "ec.crt", "TLSv1.2"},
      {"ed25519.pem", "ed25519.crt", "TLSv1.3"},
    };
  }

  @Test(dataProvider = "handshakes")
  public void everyKeyServesBothVersions(String key, String certificate, String version)
      throws Exception {
    TlsKeys keys = TlsKeys.open(files.pem(key, certificate), InstantSource.system());
    SSLEngine client = connect(keys, version);
    assertEquals(client.getSession().getProtocol(), version);
    assertEquals(client.getApplicationProtocol(), "h2");
  }

  @Test
  public void versionsBefore12AreRefused() throws Exception {
    TlsKeys keys = TlsKeys.open(files.pem("rsa-pkcs8.pem", "rsa.crt"), InstantSource.system());
    assertThrows(SSLException.class, () -> connect(keys, "TLSv1.1"));
  }

  @Test
  public void changedFilesAreTheNewKeyAndBrokenOnesLeaveTheOld() throws Exception {
    Path key = files.file("rsa-pkcs8.pem", "key.pem");
    Path certificate = files.file("rsa.crt", "cert.pem");
    KeySource source = new KeySource.PemFiles(key, certificate, Optional.empty());
    TlsKeys keys = TlsKeys.open(source, InstantSource.system());
    assertEquals(subject(keys), "CN=rsa.test");
    files.file("ec-pkcs8.pem", "key.pem");
    keys.reloadIfChanged();
    assertEquals(subject(keys), "CN=rsa.test", "half of the exchange");
    files.file("ec.crt", "cert.pem");
    keys.reloadIfChanged();
    assertEquals(subject(keys), "CN=ec.test");
    Files.writeString(certificate, "nonsense");
    keys.reloadIfChanged();
    Files.delete(key);
    keys.reloadIfChanged();
    assertEquals(subject(keys), "CN=ec.test", "neither broken nor gone");
    files.file("rsa.crt", "cert.pem");
    files.file("rsa-pkcs1.pem", "key.pem");
    keys.reloadIfChanged();
    assertEquals(subject(keys), "CN=rsa.test");
  }

  private static String subject(TlsKeys keys) throws Exception {
    X509Certificate certificate =
        (X509Certificate) connect(keys, "TLSv1.3").getSession().getPeerCertificates()[0];
    return certificate.getSubjectX500Principal().getName();
  }

  /** The client's side after its handshake. */
  private static SSLEngine connect(TlsKeys keys, String version) throws Exception {
    SSLEngine server =
        keys.serverContext(List.of("h2", "http/1.1")).newEngine(UnpooledByteBufAllocator.DEFAULT);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, TrustEverybody.managers(), null);
    SSLEngine client = context.createSSLEngine();
    client.setUseClientMode(true);
    client.setEnabledProtocols(new String[] {version});
    var parameters = client.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {"h2"});
    client.setSSLParameters(parameters);
    ByteBuffer toServer = ByteBuffer.allocate(1 << 16);
    ByteBuffer toClient = ByteBuffer.allocate(1 << 16);
    for (int i = 0; i < 100; i++) {
      step(client, toServer, toClient);
      step(server, toClient, toServer);
      if (client.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING
          && server.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING) {
        return client;
      }
    }
    throw new SSLException("no handshake");
  }

  private static void step(SSLEngine engine, ByteBuffer out, ByteBuffer in) throws SSLException {
    ByteBuffer plain = ByteBuffer.allocate(1 << 16);
    in.flip();
    while (in.hasRemaining() && engine.getHandshakeStatus() != HandshakeStatus.NEED_WRAP) {
      engine.unwrap(in, plain);
      runTasks(engine);
    }
    in.compact();
    do {
      engine.wrap(ByteBuffer.allocate(0), out);
      runTasks(engine);
    } while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP);
  }

  private static void runTasks(SSLEngine engine) {
    for (Runnable task = engine.getDelegatedTask();
        task != null;
        task = engine.getDelegatedTask()) {
      task.run();
    }
  }
}
