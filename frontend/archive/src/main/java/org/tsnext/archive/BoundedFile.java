package org.tsnext.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tsnext.archive.ArchiveException.Reason;

/** Reads small text files, such as a manifest or a configuration. */
public final class BoundedFile {

  /** Neither a manifest nor a configuration comes near this. */
  public static final int MAX_BYTES = 1 << 20;

  private BoundedFile() {}

  /**
   * The text of {@code file}, without a byte order mark.
   *
   * @param name what messages call it
   */
  public static String read(Path file, String name) throws ArchiveException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (IOException e) {
      throw new ArchiveException(Reason.IO, "Cannot read " + name + ": " + e, e);
    }
    if (bytes.length > MAX_BYTES) {
      throw new ArchiveException(
          Reason.INVALID, name + " has more than the " + MAX_BYTES + " bytes allowed");
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new ArchiveException(Reason.INVALID, name + " is not UTF-8 text", e);
    }
  }
}
