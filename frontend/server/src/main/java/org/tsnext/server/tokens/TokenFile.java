package org.tsnext.server.tokens;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.LockAttempt;

/**
 * A file that only its owner can read, from the first byte on. Each write replaces it as a whole,
 * and a lock on it, which ends with the process however it ends, tells other servers that it is
 * taken. Calls block; one thread at a time.
 */
final class TokenFile implements Closeable {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<OpenOption> WRITE_IN_PLACE =
      Set.of(StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
  private static final long MAX_SIZE = 1 << 16;

  private final Path path;
  private final Host host;

  /**
   * The mark of the owner's host, only where other hosts may have the folder and would not see the
   * lock. The key file itself has no room for it: clients read all of its members.
   */
  private final Path hostFile;

  private FileChannel channel;
  private Object identity;

  TokenFile(Path path) {
    this(path, Host.current());
  }

  TokenFile(Path path, Host host) {
    this.path = path.toAbsolutePath().normalize();
    this.host = host;
    this.hostFile = this.path.resolveSibling("." + this.path.getFileName() + ".host");
  }

  Path path() {
    return path;
  }

  /**
   * Writes the file, or replaces it.
   *
   * @throws IOException if it cannot be kept from others, if another running server has it or may
   *     have it, or if it is something else; in words for the operator
   */
  void write(String content) throws IOException {
    Path next = createPrivate();
    FileChannel opened = null;
    try {
      opened = FileChannel.open(next, WRITE_IN_PLACE);
      ByteBuffer bytes = ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        opened.write(bytes);
      }
      LockAttempt.on(opened);
      if (channel == null) {
        publishFirst(next);
      } else {
        replaceWith(next);
      }
      identity = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
      close(channel);
      channel = opened;
      opened = null;
    } finally {
      Files.deleteIfExists(next);
      close(opened);
    }
  }

  /** Removes the file, unless another server owns it by now. */
  @Override
  public void close() throws IOException {
    if (channel == null) {
      return;
    }
    try {
      if (Files.readAttributes(path, BasicFileAttributes.class).fileKey().equals(identity)) {
        Files.delete(path);
        Files.deleteIfExists(hostFile);
      }
    } catch (NoSuchFileException e) {
      // It was removed before us.
    } finally {
      close(channel);
      channel = null;
    }
  }

  private Path createPrivate() throws IOException {
    Path folder = path.getParent();
    try {
      Path made =
          Files.createTempFile(
              folder, ".key_file-", ".tmp", PosixFilePermissions.asFileAttribute(OWNER_ONLY));
      if (Files.getPosixFilePermissions(made).equals(OWNER_ONLY)) {
        return made;
      }
      Files.delete(made);
    } catch (UnsupportedOperationException e) {
      // Said below, as for file systems that take modes and forget them.
    } catch (NoSuchFileException e) {
      throw new IOException("the folder " + folder + " does not exist", e);
    }
    throw new IOException(
        "the file system of " + folder + " cannot keep a file from other users (mode 0600)");
  }

  private void publishFirst(Path next) throws IOException {
    try {
      // A link, unlike a move, never replaces what another server has just put there.
      Files.createLink(path, next);
    } catch (FileAlreadyExistsException e) {
      replaceStale(next);
    } catch (UnsupportedOperationException | FileSystemException e) {
      // The file system has no links.
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        replaceStale(next);
      } else {
        replaceWith(next);
      }
    }
    if (!host.seesEveryLock(path.getParent())) {
      Files.writeString(hostFile, host.mark());
    }
  }

  private void replaceStale(Path next) throws IOException {
    BasicFileAttributes there =
        Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!there.isRegularFile()) {
      throw new IOException("it exists and is not a regular file");
    }
    if (there.size() > MAX_SIZE || !looksLikeTokens(Files.readString(path))) {
      throw new IOException("it exists and is not a key file; nothing was changed in it");
    }
    try (FileChannel stale = FileChannel.open(path, WRITE_IN_PLACE)) {
      LockAttempt attempt = LockAttempt.on(stale);
      // The lock may be on a file that another start has replaced since.
      BasicFileAttributes now =
          Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (attempt == LockAttempt.HELD || !Objects.equals(there.fileKey(), now.fileKey())) {
        throw new IOException(
            "another running server uses this file for its tokens; start in another folder, or name another"
                + " file");
      }
      if (attempt == LockAttempt.IMPOSSIBLE || !lastOwnerHasEnded()) {
        throw new IOException(
            "it exists, and it is unknown whether a running server keeps its tokens there, since"
                + " the file system does not show the locks of other hosts; remove the file if none"
                + " does, or name another file");
      }
      replaceWith(next);
    }
  }

  /** Whether the lock of the last owner would have been seen, were it still running. */
  private boolean lastOwnerHasEnded() {
    if (host.seesEveryLock(path)) {
      return true;
    }
    try {
      return Files.size(hostFile) <= MAX_SIZE && Files.readString(hostFile).equals(host.mark());
    } catch (IOException e) {
      return false;
    }
  }

  private void replaceWith(Path next) throws IOException {
    Files.move(next, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static boolean looksLikeTokens(String content) {
    if (content.isBlank()) {
      return true;
    }
    try {
      JsonElement json = JsonParser.parseString(content);
      return json.isJsonObject()
          && (json.getAsJsonObject().has("API")
              || json.getAsJsonObject().has("management")
              || json.getAsJsonObject().has("inference"));
    } catch (JsonParseException e) {
      return false;
    }
  }

  private static void close(FileChannel file) throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
