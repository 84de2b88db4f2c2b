package org.tsnext.archive;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.tsnext.archive.ArchiveException.Reason;

/** Unpacks gzip tar archives. */
final class TarUnpacker {

  private static final int BUFFER_BYTES = 1 << 16;

  /** Names, extended headers and padding of one entry; also what may follow the last one. */
  private static final long MAX_HEADER_BYTES = 1 << 20;

  private TarUnpacker() {}

  /**
   * @throws IOException if the archive is damaged
   */
  static void unpack(Path archive, UnpackTarget target) throws ArchiveException, IOException {
    try (InputStream file = new BufferedInputStream(Files.newInputStream(archive), BUFFER_BYTES);
        HeaderBudgetStream bytes = new HeaderBudgetStream(gunzip(file), MAX_HEADER_BYTES);
        TarArchiveInputStream tar =
            new TarArchiveInputStream(bytes, StandardCharsets.UTF_8.name())) {
      bytes.beginHeader();
      TarArchiveEntry entry;
      while ((entry = tar.getNextEntry()) != null) {
        bytes.endHeader();
        unpackEntry(tar, entry, target);
        bytes.beginHeader();
      }
      // To the end, since only there gzip's checksum is compared.
      bytes.beginHeader();
      byte[] rest = new byte[BUFFER_BYTES];
      while (bytes.read(rest) >= 0) {}
    }
  }

  private static InputStream gunzip(InputStream file) throws IOException {
    return GzipCompressorInputStream.builder()
        .setInputStream(file)
        .setDecompressConcatenated(true)
        .get();
  }

  private static void unpackEntry(
      TarArchiveInputStream tar, TarArchiveEntry entry, UnpackTarget target)
      throws ArchiveException, IOException {
    EntryName name = EntryName.parse(entry.getName(), target.limits());
    checkType(entry, name);
    if (entry.isDirectory()) {
      target.addDirectory(name);
    } else {
      target.addFile(name, tar, OptionalLong.of(entry.getSize()));
    }
  }

  private static void checkType(TarArchiveEntry entry, EntryName name) throws ArchiveException {
    if (entry.isSymbolicLink() || entry.isLink()) {
      throw new ArchiveException(
          Reason.INVALID, "Links are not allowed in an archive: " + name.shown());
    }
    if (entry.isCharacterDevice() || entry.isBlockDevice() || entry.isFIFO()) {
      throw new ArchiveException(
          Reason.INVALID, "Devices and pipes are not allowed in an archive: " + name.shown());
    }
    byte type = entry.getLinkFlag();
    boolean known =
        type == TarConstants.LF_NORMAL
            || type == TarConstants.LF_OLDNORM
            || type == TarConstants.LF_CONTIG
            || type == TarConstants.LF_DIR;
    if (!known || entry.isSparse()) {
      throw new ArchiveException(
          Reason.INVALID,
          "Only plain files and directories are allowed in an archive: " + name.shown());
    }
  }
}
