package org.tsnext.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;

/** Builds archives in memory, honest and hostile ones. */
public final class Archives {

  public static final String MANIFEST = "MAR-INF/MANIFEST.json";
  private static final int CENTRAL_HEADER = 0x02014b50;
  private static final int CENTRAL_SIZE_OFFSET = 24;

  private Archives() {}

  public static byte[] manifest(String fields) {
    return utf8("{\"model\": {\"modelName\": \"m\"" + fields + "}}");
  }

  public static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  public static Zip zip() {
    return new Zip();
  }

  static Tar tar() {
    return new Tar();
  }

  static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  /** Lets the central directory of a zip of one entry claim another size. */
  static byte[] lieAboutSize(byte[] zip, int size) {
    ByteBuffer buffer = ByteBuffer.wrap(zip.clone()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < zip.length - 4; i++) {
      if (buffer.getInt(i) == CENTRAL_HEADER) {
        buffer.putInt(i + CENTRAL_SIZE_OFFSET, size);
        return buffer.array();
      }
    }
    throw new AssertionError("no central directory");
  }

  /** Replaces a text of the same length wherever it stands, as in the names of a zip. */
  static byte[] replace(byte[] bytes, String from, String to) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    return text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
  }

  public static final class Zip {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final ZipArchiveOutputStream out = new ZipArchiveOutputStream(bytes);

    public Zip file(String name, byte[] content) {
      return entry(name, 0, content);
    }

    public Zip file(String name, String content) {
      return entry(name, 0, utf8(content));
    }

    Zip entry(String name, int unixMode, byte[] content) {
      try {
        ZipArchiveEntry entry = new ZipArchiveEntry(name);
        if (unixMode != 0) {
          entry.setUnixMode(unixMode);
        }
        out.putArchiveEntry(entry);
        out.write(content);
        out.closeArchiveEntry();
        return this;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    public byte[] bytes() throws IOException {
      out.finish();
      return bytes.toByteArray();
    }
  }

  static final class Tar {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarArchiveOutputStream out = new TarArchiveOutputStream(bytes);

    Tar() {
      out.setLongFileMode(TarArchiveOutputStream.LONGFILE_GNU);
    }

    Tar file(String name, String content) {
      TarArchiveEntry entry = new TarArchiveEntry(name, true);
      entry.setSize(utf8(content).length);
      return entry(entry, utf8(content));
    }

    Tar typed(String name, byte type, String linkName) {
      TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
      entry.setLinkName(linkName);
      return entry(entry, new byte[0]);
    }

    Tar entry(TarArchiveEntry entry, byte[] content) {
      try {
        out.putArchiveEntry(entry);
        out.write(content);
        out.closeArchiveEntry();
        return this;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    byte[] plainBytes() throws IOException {
      out.finish();
      return bytes.toByteArray();
    }

    public byte[] bytes() throws IOException {
      return gzip(plainBytes());
    }
  }
}
