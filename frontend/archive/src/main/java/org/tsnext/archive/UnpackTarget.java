package org.tsnext.archive;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * The empty folder that one archive is unpacked into. Everything that any archive format writes
 * goes through here, so that names and sizes are checked in one place. Used by one thread.
 */
final class UnpackTarget {

  private static final int BUFFER_BYTES = 1 << 16;

  private final Path root;
  private final UnpackLimits limits;
  private final long ratioLimitBytes;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private final Set<Path> directories = new HashSet<>();
  private int entries;
  private long written;

  /**
   * @param root an empty folder of our own
   * @param archiveBytes length of the archive file, for the ratio limit
   */
  UnpackTarget(Path root, UnpackLimits limits, long archiveBytes) {
    this.root = root;
    this.limits = limits;
    long scaled =
        archiveBytes > Long.MAX_VALUE / limits.maxRatio()
            ? Long.MAX_VALUE
            : archiveBytes * limits.maxRatio();
    this.ratioLimitBytes = Math.max(limits.ratioFloorBytes(), scaled);
    directories.add(root);
  }

  UnpackLimits limits() {
    return limits;
  }

  /** Makes a folder and those above it. One that is there already is fine. */
  void addDirectory(EntryName name) throws ArchiveException {
    countEntry(name);
    makeDirectories(name, name.components());
  }

  /**
   * Writes a file.
   *
   * @param content read to its end, not closed. An {@link IOException} it throws means a damaged
   *     archive
   * @param declaredBytes the size the archive says it has; a different one is refused
   */
  void addFile(EntryName name, InputStream content, OptionalLong declaredBytes)
      throws ArchiveException, IOException {
    countEntry(name);
    List<String> components = name.components();
    if (components.isEmpty()) {
      throw new ArchiveException(
          Reason.INVALID, "Archive entry is a file without a name of its own: " + name.shown());
    }
    makeDirectories(name, components.subList(0, components.size() - 1));
    Path file = resolve(name, components);
    long size;
    try (OutputStream out = create(name, file)) {
      size = copy(name, content, out, declaredBytes);
    } catch (WriteFailure e) {
      throw failedWrite(name, e.failure);
    }
    if (declaredBytes.isPresent() && size != declaredBytes.getAsLong()) {
      throw new ArchiveException(
          Reason.INVALID,
          "Archive entry "
              + name.shown()
              + " has "
              + size
              + " bytes, its header says "
              + declaredBytes.getAsLong());
    }
  }

  private long copy(EntryName name, InputStream content, OutputStream out, OptionalLong declared)
      throws ArchiveException, IOException, WriteFailure {
    long size = 0;
    int read;
    while ((read = content.read(buffer)) >= 0) {
      size += read;
      written += read;
      if (declared.isPresent() && size > declared.getAsLong()) {
        throw new ArchiveException(
            Reason.INVALID,
            "Archive entry "
                + name.shown()
                + " holds more than the "
                + declared.getAsLong()
                + " bytes that its header says");
      }
      checkTotal(name);
      try {
        out.write(buffer, 0, read);
      } catch (IOException e) {
        throw new WriteFailure(e);
      }
    }
    return size;
  }

  private void checkTotal(EntryName name) throws ArchiveException {
    if (written > limits.maxTotalBytes()) {
      throw new ArchiveException(
          Reason.INVALID,
          "Archive unpacks to more than the "
              + limits.maxTotalBytes()
              + " bytes that unpack_max_bytes allows, at entry: "
              + name.shown());
    }
    if (written > ratioLimitBytes) {
      throw new ArchiveException(
          Reason.INVALID,
          "Archive unpacks to more than "
              + limits.maxRatio()
              + " times its own size, at entry: "
              + name.shown());
    }
  }

  private void countEntry(EntryName name) throws ArchiveException {
    if (++entries > limits.maxEntries()) {
      throw new ArchiveException(
          Reason.INVALID,
          "Archive has more than the "
              + limits.maxEntries()
              + " entries that unpack_max_entries allows, at entry: "
              + name.shown());
    }
  }

  private OutputStream create(EntryName name, Path file) throws ArchiveException {
    try {
      return Files.newOutputStream(
          file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
    } catch (FileAlreadyExistsException e) {
      throw duplicate(name);
    } catch (IOException e) {
      throw failedWrite(name, e);
    }
  }

  private void makeDirectories(EntryName name, List<String> components) throws ArchiveException {
    for (int depth = 1; depth <= components.size(); depth++) {
      Path directory = resolve(name, components.subList(0, depth));
      if (!directories.add(directory)) {
        continue;
      }
      if (depth < name.components().size()) {
        countEntry(name);
      }
      try {
        Files.createDirectory(directory);
      } catch (FileAlreadyExistsException e) {
        // Another spelling of a known folder, on a file system that ignores case, is fine.
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
          throw duplicate(name);
        }
      } catch (IOException e) {
        throw failedWrite(name, e);
      }
    }
  }

  private Path resolve(EntryName name, List<String> components) throws ArchiveException {
    Path path = root;
    try {
      for (String component : components) {
        path = path.resolve(component);
      }
    } catch (InvalidPathException e) {
      throw new ArchiveException(
          Reason.INVALID,
          "Archive entry cannot be named so on this file system (is the locale UTF-8?): "
              + name.shown(),
          e);
    }
    // EntryName has refused everything that leads out; this holds whatever it may have missed.
    if (!path.normalize().startsWith(root) || path.getNameCount() != nameCount(components)) {
      throw EntryName.zipSlip(name.shown());
    }
    return path;
  }

  private int nameCount(List<String> components) {
    return root.getNameCount() + components.size();
  }

  private static ArchiveException duplicate(EntryName name) {
    return new ArchiveException(
        Reason.INVALID, "Archive has two entries of the same name: " + name.shown());
  }

  private ArchiveException failedWrite(EntryName name, IOException cause) {
    return FullDisk.failedWrite("Cannot write " + name.shown() + " while unpacking", root, cause);
  }

  /** Tells our own disk's failures from those of reading the archive. */
  private static final class WriteFailure extends Exception {
    private static final long serialVersionUID = 1L;

    private final IOException failure;

    WriteFailure(IOException failure) {
      super(failure);
      this.failure = failure;
    }
  }
}
