package org.tsnext.archive;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException.Reason;

/** Unpacks archives of any known format into private folders below one place. Thread-safe. */
final class Unpacker {

  private static final Logger LOGGER = LoggerFactory.getLogger(Unpacker.class);
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final Set<String> MANIFEST_FOLDERS = Set.of("MAR-INF", "WAR-INF");

  private final Path folders;
  private final UnpackLimits limits;

  /**
   * @param folders where the folders are made; it is made itself if need be
   */
  Unpacker(Path folders, UnpackLimits limits) {
    this.folders = folders;
    this.limits = limits;
  }

  /**
   * Unpacks {@code archive}.
   *
   * @return a new folder of mode 0700 with the archive's files; a folder that holds all of them is
   *     left out
   * @throws ArchiveException with nothing left on disk
   */
  Path unpack(Path archive) throws ArchiveException {
    String name = UUID.randomUUID().toString().replace("-", "");
    Path staging = folders.resolve(name + ".partial");
    try {
      Files.createDirectories(folders, PRIVATE);
      Files.createDirectory(staging, PRIVATE);
    } catch (IOException e) {
      throw FullDisk.failedWrite("Cannot make the folder " + staging, folders, e);
    }
    try {
      unpackInto(staging, archive);
      return publish(staging, folders.resolve(name));
    } finally {
      remove(staging);
    }
  }

  /** Removes a folder that {@link #unpack} made. Anything else is left alone. */
  void remove(Path unpacked) {
    if (!folders.equals(unpacked.getParent())
        || !Files.exists(unpacked, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      FileTree.delete(unpacked);
    } catch (IOException e) {
      LOGGER.warn("Cannot remove the unpacked model {}: {}", unpacked, e.toString());
    }
  }

  /**
   * The folder that a model's files are in: {@code directory}, or its only entry if that is a
   * folder of another meaning than the manifest's.
   */
  static Path modelRoot(Path directory) throws IOException {
    return onlySubdirectory(directory).orElse(directory);
  }

  private void unpackInto(Path staging, Path archive) throws ArchiveException {
    try {
      UnpackTarget target = new UnpackTarget(staging, limits, Files.size(archive));
      switch (formatOf(archive)) {
        case ZIP -> ZipUnpacker.unpack(archive, target);
        case GZIP -> TarUnpacker.unpack(archive, target);
        case UNKNOWN ->
            throw new ArchiveException(
                Reason.INVALID,
                "Neither a zip nor a gzip tar archive, by its first bytes: "
                    + archive.getFileName());
      }
    } catch (NoSuchFileException e) {
      throw new ArchiveException(
          Reason.NOT_FOUND, "The archive has gone while it was read: " + e.getMessage(), e);
    } catch (FileSystemException e) {
      throw new ArchiveException(Reason.IO, "Cannot read the archive: " + e, e);
    } catch (EOFException e) {
      throw new ArchiveException(
          Reason.INVALID,
          "Cannot unpack " + archive.getFileName() + ": it is cut off, its end is missing",
          e);
    } catch (IOException | RuntimeException e) {
      // The libraries answer some damaged archives with unchecked exceptions.
      throw new ArchiveException(
          Reason.INVALID, "Cannot unpack " + archive.getFileName() + ": " + reasonOf(e), e);
    }
  }

  /** The innermost message: libraries wrap the one that says what is wrong. */
  private static String reasonOf(Exception e) {
    Throwable innermost = e;
    while (innermost.getCause() != null && innermost.getCause().getMessage() != null) {
      innermost = innermost.getCause();
    }
    String message = innermost.getMessage();
    return message == null ? innermost.getClass().getSimpleName() : PrintableText.of(message);
  }

  private static Path publish(Path staging, Path folder) throws ArchiveException {
    try {
      Path root = modelRoot(staging);
      Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
      try {
        return Files.move(root, folder, StandardCopyOption.ATOMIC_MOVE);
      } catch (AtomicMoveNotSupportedException e) {
        return Files.move(root, folder);
      }
    } catch (IOException e) {
      throw FullDisk.failedWrite("Cannot make the folder " + folder, staging, e);
    }
  }

  private static Optional<Path> onlySubdirectory(Path directory) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      Iterator<Path> iterator = entries.iterator();
      if (!iterator.hasNext()) {
        return Optional.empty();
      }
      Path first = iterator.next();
      boolean wrapsAll =
          !iterator.hasNext()
              && Files.isDirectory(first, LinkOption.NOFOLLOW_LINKS)
              && !MANIFEST_FOLDERS.contains(first.getFileName().toString());
      return wrapsAll ? Optional.of(first) : Optional.empty();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  private static Format formatOf(Path archive) throws IOException {
    byte[] start;
    try (InputStream in = Files.newInputStream(archive)) {
      start = in.readNBytes(4);
    }
    if (start.length == 4
        && start[0] == 'P'
        && start[1] == 'K'
        && ((start[2] == 3 && start[3] == 4) || (start[2] == 5 && start[3] == 6))) {
      return Format.ZIP;
    }
    if (start.length >= 2 && (start[0] & 0xFF) == 0x1F && (start[1] & 0xFF) == 0x8B) {
      return Format.GZIP;
    }
    return Format.UNKNOWN;
  }

  private enum Format {
    ZIP,
    GZIP,
    UNKNOWN
  }
}
