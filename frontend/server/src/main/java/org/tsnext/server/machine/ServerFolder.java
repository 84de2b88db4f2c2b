package org.tsnext.server.machine;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.OwnerLock;
import org.tsnext.transport.UnixSocketPath;

/**
 * A folder of this server alone (0700) for everything temporary, removed at the end. A lock in it
 * is held as long as the server runs, so that later servers, in this or another container or host,
 * can tell what a killed one left from what is in use.
 */
public final class ServerFolder implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ServerFolder.class);
  private static final Pattern NAME =
      Pattern.compile("tsnext-[0-9]{1,10}-[0-9a-z]{1,13}-[0-9a-f]{8}");

  /** Bytes that the name of a socket in this folder may add to the folder's own. */
  private static final int ROOM_FOR_NAMES = 32;

  private static final String LOCK = "owner.lock";

  private final Path path;
  private final OwnerLock lock;

  private ServerFolder(Path path, OwnerLock lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Makes a folder in {@code parent}, which is made as well if need be.
   *
   * @throws IOException if it cannot be made private
   */
  public static ServerFolder create(Path parent) throws IOException {
    return create(parent, Host.current());
  }

  static ServerFolder create(Path parent, Host host) throws IOException {
    Files.createDirectories(parent);
    byte[] random = new byte[4];
    new SecureRandom().nextBytes(random);
    String name = prefixOfThisProcess() + HexFormat.of().formatHex(random);
    Path folder = parent.toAbsolutePath().normalize().resolve(name);
    if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } else {
      Files.createDirectory(folder);
    }
    try {
      return new ServerFolder(folder, OwnerLock.create(folder.resolve(LOCK), host));
    } catch (IOException e) {
      Files.deleteIfExists(folder);
      throw e;
    }
  }

  /** Whether the names of Unix-domain sockets in a folder of {@code parent} are short enough. */
  public static boolean fitsSockets(Path parent) {
    Path example =
        parent.toAbsolutePath().normalize().resolve("tsnext-1234567890-0123456789-01234567");
    return UnixSocketPath.bytes(example) + ROOM_FOR_NAMES <= UnixSocketPath.MAX_BYTES;
  }

  /**
   * Removes the folders in {@code parent} whose servers have ended. What cannot be judged stays:
   * folders of other users, without a lock, or of a host whose locks are not seen here.
   */
  public static void sweep(Path parent) {
    sweep(parent, Host.current());
  }

  static void sweep(Path parent, Host host) {
    if (!Files.isDirectory(parent)) {
      return;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent, "tsnext-*")) {
      for (Path entry : entries) {
        if (isCandidate(entry)) {
          removeIfAbandoned(entry, host);
        }
      }
    } catch (IOException e) {
      LOGGER.warn("Cannot look for folders of ended servers in {}: {}", parent, e.toString());
    }
  }

  /** The folder itself. */
  public Path path() {
    return path;
  }

  /** Removes the folder with all that is in it. Does nothing if it is gone. */
  @Override
  public void close() {
    delete(path);
    release(lock);
  }

  private static boolean isCandidate(Path entry) throws IOException {
    String name = entry.getFileName().toString();
    // The lock of this process would end if its file were opened and closed again.
    if (!NAME.matcher(name).matches()
        || name.startsWith(prefixOfThisProcess())
        || !Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Path ours = Path.of("/proc/self");
    return !Files.exists(ours)
        || Files.getOwner(entry, LinkOption.NOFOLLOW_LINKS).equals(Files.getOwner(ours));
  }

  private static void removeIfAbandoned(Path entry, Host host) {
    OwnerLock.Judgement judgement = OwnerLock.judge(entry.resolve(LOCK), host);
    if (judgement instanceof OwnerLock.Abandoned abandoned) {
      LOGGER.info("Removing {}, left by a server that has ended", entry);
      delete(entry);
      release(abandoned.lock());
    } else if (judgement instanceof OwnerLock.Unknown unknown) {
      LOGGER.info(
          "{} is left alone, since it is unknown whether a server uses it: {}",
          entry,
          unknown.reason());
    }
  }

  private static String prefixOfThisProcess() {
    ProcessHandle self = ProcessHandle.current();
    long millis = self.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    return "tsnext-" + self.pid() + "-" + Long.toString(millis, Character.MAX_RADIX) + "-";
  }

  /** Removes the lock file last: until then a server that comes later can finish the removal. */
  private static void delete(Path folder) {
    try {
      Files.walkFileTree(folder, new Deletion(folder));
      Files.deleteIfExists(folder.resolve(LOCK));
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      LOGGER.warn("Cannot remove {}: {}", folder, e.toString());
    }
  }

  private static void release(OwnerLock lock) {
    try {
      lock.close();
    } catch (IOException e) {
      LOGGER.warn("Cannot release the lock of a temporary folder: {}", e.toString());
    }
  }

  /** Removes what is in a folder but its lock, links as links; what is gone already is no error. */
  private static final class Deletion extends SimpleFileVisitor<Path> {
    private final Path folder;
    private final Path kept;

    Deletion(Path folder) {
      this.folder = folder;
      this.kept = folder.resolve(LOCK);
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      if (!file.equals(kept)) {
        Files.deleteIfExists(file);
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
      if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        throw e;
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, IOException e) throws IOException {
      if (!directory.equals(folder)) {
        Files.deleteIfExists(directory);
      }
      return FileVisitResult.CONTINUE;
    }
  }
}
