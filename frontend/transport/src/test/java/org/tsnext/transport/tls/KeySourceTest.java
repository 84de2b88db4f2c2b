package org.tsnext.transport.tls;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Keys in every form that tools write, and what is said about those that cannot be used. */
public class KeySourceTest {

  private TlsFixture files;

  @BeforeClass
  public void open() throws IOException {
    files = new TlsFixture();
  }

  @AfterClass(alwaysRun = true)
  public void close() throws IOException {
    files.close();
  }

  @DataProvider
  public Object[][] keys() {
    return new Object[][] {
      {files.pem("rsa-pkcs8.pem", "rsa.crt"), "RSA"},
      {files.pem("rsa-pkcs1.pem", "rsa.crt"), "RSA"},
      {files.pem("rsa-encrypted.pem", "rsa.crt", TlsFixture.PASSWORD), "RSA"},
      {files.pem("ec-pkcs8.pem", "ec.crt"), "EC"},
      {files.pem("ec-sec1.pem", "ec.crt"), "EC"},
      {files.pem("ed25519.pem", "ed25519.crt"), "EdDSA"},
      {files.store("rsa.p12", "pkcs12", TlsFixture.PASSWORD), "RSA"},
      {files.store("rsa.jks", "jks", TlsFixture.PASSWORD), "RSA"},
    };
  }

  @Test(dataProvider = "keys")
  public void keyIsReadAndIsThatOfItsCertificate(KeySource source, String algorithm)
      throws IOException {
    KeyMaterial material = source.load(source.read());
    assertEquals(material.key().getAlgorithm(), algorithm);
    assertTrue(material.matches());
    assertEquals(material.warnings(Instant.now()), List.of());
  }

  @DataProvider
  public Object[][] unusable() throws IOException {
    Path garbage =
        files.text("garbage.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----");
    Path noBase64 =
        files.text("odd.pem", "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----");
    Path brokenCertificate =
        files.text("bad.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
    Path missing = files.text("x", "").resolveSibling("missing.pem");
    Path certificate = files.file("rsa.crt");
    return new Object[][] {
      {pem(missing, certificate), "private_key_file .*missing.pem: no such file"},
      {pem(certificate, certificate), "private_key_file .*rsa.crt: no private key in it.*"},
      {pem(garbage, certificate), "private_key_file .*: the key is damaged or of another kind.*"},
      {pem(noBase64, certificate), "private_key_file .*: the key is damaged.*"},
      {
        pem(files.file("rsa-pkcs8.pem"), files.file("ec-pkcs8.pem")),
        "certificate_file .*: no certificate in it.*"
      },
      {
        pem(files.file("rsa-pkcs8.pem"), brokenCertificate),
        "certificate_file .*: certificate 1 is damaged.*"
      },
      {
        files.pem("rsa-pkcs8.pem", "ec.crt"),
        "certificate_file .*: the first certificate is not that of the key in private_key_file .*"
      },
      {files.pem("rsa-encrypted.pem", "rsa.crt"), ".*private_key_pass is not set.*"},
      {
        files.pem("rsa-encrypted.pem", "rsa.crt", "wrong"),
        ".*private_key_pass does not open the encrypted key"
      },
      {
        files.pem("rsa-encrypted.pem", "rsa.crt", "file:/no/such/file"),
        "private_key_pass: the file /no/such/file cannot be read.*"
      },
      {
        files.pem("rsa-encrypted.pem", "rsa.crt", "env:NOT_SET"),
        "private_key_pass: the environment variable NOT_SET is not set"
      },
      {files.pem("rsa-old-encrypted.pem", "rsa.crt"), ".*openssl pkcs8 -topk8 -v2 aes256.*"},
      {files.store("rsa.p12", "pkcs12", "wrong"), "keystore .*: keystore_pass does not open.*"},
      {files.store("rsa.jks", "jks", "wrong"), "keystore .*: keystore_pass does not open.*"},
      {files.store("rsa.crt", "pkcs12", "x"), "keystore .*: not a key store of keystore_type.*"},
    };
  }

  private static KeySource pem(Path key, Path certificate) {
    return new KeySource.PemFiles(key, certificate, Optional.empty());
  }

  @Test(dataProvider = "unusable")
  public void unusableKeyIsSaidWithItsFileAndTheReason(KeySource source, String expected) {
    IOException error =
        expectThrows(
            IOException.class, () -> TlsKeys.open(source, InstantSource.fixed(Instant.now())));
    assertTrue(error.getMessage().matches(expected), error.getMessage());
  }

  @Test
  public void expiredCertificateIsAWarning() throws IOException {
    KeySource source = files.pem("ec-pkcs8.pem", "ec.crt");
    KeyMaterial material = source.load(source.read());
    List<String> late = material.warnings(Instant.parse("2999-01-01T00:00:00Z"));
    assertTrue(
        late.get(0).startsWith("The TLS certificate of CN=ec.test expired on "), late.get(0));
    List<String> early = material.warnings(Instant.parse("2001-01-01T00:00:00Z"));
    assertTrue(early.get(0).contains("is not valid before"), early.get(0));
  }

  @Test
  public void passwordsComeFromFilesAndTheEnvironment() throws IOException {
    Path file = files.text("password", "first line\nsecond\n");
    assertEquals(PasswordSource.of("k", "file:" + file, Map.of()).read(), "first line");
    assertEquals(PasswordSource.of("k", "env:P", Map.of("P", "x")).read(), "x");
    assertEquals(PasswordSource.of("k", "plain", Map.of()).read(), "plain");
    Files.writeString(file, "changed");
    assertEquals(PasswordSource.of("k", "file:" + file, Map.of()).read(), "changed");
  }

  @Test
  public void selfSignedCertificateIsMadeForItsHosts() throws Exception {
    KeyMaterial material =
        new KeySource.SelfSigned(List.of("localhost", "127.0.0.1", "::1")).load(List.of());
    assertTrue(material.matches());
    material.certificate().verify(material.certificate().getPublicKey());
    material.certificate().checkValidity();
    assertEquals(material.certificate().getBasicConstraints(), Integer.MAX_VALUE);
    List<String> names =
        material.certificate().getSubjectAlternativeNames().stream()
            .map(name -> name.get(1).toString())
            .toList();
    assertEquals(names, List.of("localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"));
    assertTrue(material.fingerprint().matches("([0-9A-F]{2}:){31}[0-9A-F]{2}"));
  }
}
