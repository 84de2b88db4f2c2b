package org.tsnext.transport.tls;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the small files that keys are in. */
final class TlsKeyFile {
  private static final long MAX_SIZE = 1 << 20;

  private TlsKeyFile() {}

  /**
   * Reads a file.
   *
   * @param what the file, for messages
   */
  static byte[] read(String what, Path path) throws TlsKeyException {
    try {
      if (!Files.isRegularFile(path)) {
        throw new TlsKeyException(what + ": no such file");
      }
      if (Files.size(path) > MAX_SIZE) {
        throw new TlsKeyException(what + ": larger than " + MAX_SIZE + " bytes, expected a key");
      }
      return Files.readAllBytes(path);
    } catch (TlsKeyException e) {
      throw e;
    } catch (IOException e) {
      throw new TlsKeyException(what + ": cannot be read: " + e, e);
    }
  }
}
