package org.tsnext.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.OptionalLong;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipException;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.tsnext.archive.ArchiveException.Reason;

/** Unpacks zip archives by their central directory, the one place that says what is in them. */
final class ZipUnpacker {

  private static final long DIRECTORY_BYTES_PER_ENTRY = 256;
  private static final long DIRECTORY_BYTES_BASE = 1 << 20;
  private static final int FILE_TYPE_MASK = 0xF000;
  private static final int REGULAR_FILE = 0x8000;
  private static final int DIRECTORY = 0x4000;

  private ZipUnpacker() {}

  /**
   * @throws IOException if the archive is damaged
   */
  static void unpack(Path archive, UnpackTarget target) throws ArchiveException, IOException {
    long directoryBytes =
        DIRECTORY_BYTES_BASE + DIRECTORY_BYTES_PER_ENTRY * target.limits().maxEntries();
    try (HeaderBudgetChannel channel =
            new HeaderBudgetChannel(Files.newByteChannel(archive), directoryBytes);
        ZipFile zip = open(channel)) {
      channel.lift();
      Enumeration<ZipArchiveEntry> entries = zip.getEntriesInPhysicalOrder();
      while (entries.hasMoreElements()) {
        unpackEntry(zip, entries.nextElement(), target);
      }
    }
  }

  private static ZipFile open(HeaderBudgetChannel channel) throws IOException {
    try {
      return ZipFile.builder().setSeekableByteChannel(channel).setIgnoreLocalFileHeader(true).get();
    } catch (IOException e) {
      if (!(e.getCause() instanceof ZipException)) {
        throw e;
      }
      // The library says that it is no zip, which is true of one that is cut off, but no help.
      IOException clearer =
          new IOException("its end, where its directory is, is missing or broken: is it cut off?");
      clearer.addSuppressed(e);
      throw clearer;
    }
  }

  private static void unpackEntry(ZipFile zip, ZipArchiveEntry entry, UnpackTarget target)
      throws ArchiveException, IOException {
    EntryName name = EntryName.parse(nameOf(entry), target.limits());
    checkType(entry, name);
    if (entry.isDirectory()) {
      target.addDirectory(name);
      return;
    }
    if (entry.getGeneralPurposeBit().usesEncryption() || !zip.canReadEntryData(entry)) {
      throw new ArchiveException(
          Reason.INVALID,
          "Archive entry is encrypted or packed by a method other than store and deflate: "
              + name.shown());
    }
    CRC32 checksum = new CRC32();
    try (InputStream content = zip.getInputStream(entry)) {
      if (content == null) {
        throw new IOException("entry " + name.shown() + " has no content");
      }
      target.addFile(name, new CheckedInputStream(content, checksum), sizeOf(entry));
    }
    if (entry.getCrc() >= 0 && entry.getCrc() != checksum.getValue()) {
      throw new ArchiveException(
          Reason.INVALID, "Archive entry is damaged, its checksum differs: " + name.shown());
    }
  }

  private static OptionalLong sizeOf(ZipArchiveEntry entry) {
    return entry.getSize() >= 0 ? OptionalLong.of(entry.getSize()) : OptionalLong.empty();
  }

  /** The name as it stands in the archive: the library turns some backslashes into slashes. */
  private static String nameOf(ZipArchiveEntry entry) {
    byte[] raw = entry.getRawName();
    if (raw != null) {
      for (byte b : raw) {
        if (b == '\\') {
          return entry.getName().replace('/', '\\');
        }
      }
    }
    return entry.getName();
  }

  private static void checkType(ZipArchiveEntry entry, EntryName name) throws ArchiveException {
    if (entry.isUnixSymlink()) {
      throw new ArchiveException(
          Reason.INVALID, "Links are not allowed in an archive: " + name.shown());
    }
    int type = entry.getUnixMode() & FILE_TYPE_MASK;
    if (type != 0 && type != REGULAR_FILE && type != DIRECTORY) {
      throw new ArchiveException(
          Reason.INVALID, "Only files and directories are allowed in an archive: " + name.shown());
    }
  }
}
