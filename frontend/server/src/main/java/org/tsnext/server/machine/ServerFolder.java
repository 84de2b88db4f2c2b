package org.tsnext.server.machine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of this server alone (0700) for everything temporary, removed at the end. Its name tells
 * which process it belongs to, so that later servers can remove what a killed one left.
 */
public final class ServerFolder implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ServerFolder.class);
  private static final Pattern NAME =
      Pattern.compile("tsnext-([0-9]{1,10})-([0-9a-z]{1,13})-[0-9a-f]{8}");

  /** Names of sockets end at 107 octets; what is made in this folder may take as many of them. */
  private static final int SOCKET_PATH_LIMIT = 107;

  private static final int ROOM_FOR_NAMES = 32;

  private final Path path;

  private ServerFolder(Path path) {
    this.path = path;
  }

  /**
   * Makes a folder in {@code parent}, which is made as well if need be.
   *
   * @throws IOException if it cannot be made private
   */
  public static ServerFolder create(Path parent) throws IOException {
    Files.createDirectories(parent);
    byte[] random = new byte[4];
    new SecureRandom().nextBytes(random);
    ProcessHandle self = ProcessHandle.current();
    String name =
        "tsnext-" + self.pid() + "-" + startOf(self) + "-" + HexFormat.of().formatHex(random);
    Path folder = parent.toAbsolutePath().normalize().resolve(name);
    if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } else {
      Files.createDirectory(folder);
    }
    return new ServerFolder(folder);
  }

  /** Whether the names of Unix-domain sockets in a folder of {@code parent} are short enough. */
  public static boolean fitsSockets(Path parent) {
    String example = parent.toAbsolutePath().normalize() + "/tsnext-1234567890-0123456789-01234567";
    return example.getBytes(StandardCharsets.UTF_8).length + ROOM_FOR_NAMES <= SOCKET_PATH_LIMIT;
  }

  /** Removes the folders that dead servers of this user left in {@code parent}. */
  public static void sweep(Path parent) {
    if (!Files.isDirectory(parent)) {
      return;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent, "tsnext-*")) {
      for (Path entry : entries) {
        if (isLeftOver(entry)) {
          LOGGER.info("Removing {}, left by a server that has ended", entry);
          delete(entry);
        }
      }
    } catch (IOException e) {
      LOGGER.warn("Cannot look for folders of dead servers in {}: {}", parent, e.toString());
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
  }

  private static boolean isLeftOver(Path entry) throws IOException {
    Matcher name = NAME.matcher(entry.getFileName().toString());
    if (!name.matches() || !Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Path ours = Path.of("/proc/self");
    boolean own =
        !Files.exists(ours)
            || Files.getOwner(entry, LinkOption.NOFOLLOW_LINKS).equals(Files.getOwner(ours));
    Optional<ProcessHandle> owner = ProcessHandle.of(Long.parseLong(name.group(1)));
    // A process id is used again; with the time of its start it means one process.
    return own && owner.map(process -> !startOf(process).equals(name.group(2))).orElse(true);
  }

  private static String startOf(ProcessHandle process) {
    long millis = process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    return Long.toString(millis, Character.MAX_RADIX);
  }

  private static void delete(Path folder) {
    try {
      Files.walkFileTree(folder, new Deletion());
    } catch (IOException e) {
      LOGGER.warn("Cannot remove {}: {}", folder, e.toString());
    }
  }

  /** Removes a tree, links as links, and goes on where something is gone already. */
  private static final class Deletion extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.deleteIfExists(file);
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
      Files.deleteIfExists(directory);
      return FileVisitResult.CONTINUE;
    }
  }
}
