package org.tsnext.transport.tls;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Key files of tests, as openssl and keytool write them, copied to a folder of their own. */
final class TlsFixture implements AutoCloseable {

  static final String PASSWORD = "secret";

  private final Path folder;

  TlsFixture() throws IOException {
    folder = Files.createTempDirectory("tls");
  }

  /** A copy of a resource; made anew each time. */
  Path file(String name) {
    return file(name, name);
  }

  /** A copy of a resource under another name. */
  Path file(String resource, String name) {
    try (InputStream in = TlsFixture.class.getResourceAsStream(resource)) {
      return Files.write(folder.resolve(name), in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path text(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  KeySource pem(String key, String certificate) {
    return new KeySource.PemFiles(file(key), file(certificate), Optional.empty());
  }

  KeySource pem(String key, String certificate, String passphrase) {
    PasswordSource source = PasswordSource.of("private_key_pass", passphrase, Map.of());
    return new KeySource.PemFiles(file(key), file(certificate), Optional.of(source));
  }

  KeySource store(String file, String type, String password) {
    return new KeySource.KeyStoreFile(
        file(file), type, PasswordSource.of("keystore_pass", password, Map.of()));
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
