package org.tsnext.server.persistence;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.OwnerLock;
import org.tsnext.core.ownership.OwnerLock.Abandoned;

/** A server's lock file in a folder that several servers may use, as long as it uses the folder. */
final class FolderUse implements Closeable {
  private static final String PREFIX = ".server-";
  private static final String SUFFIX = ".lock";

  private final Path file;
  private final OwnerLock lock;
  private final boolean alone;

  private FolderUse(Path file, OwnerLock lock, boolean alone) {
    this.file = file;
    this.lock = lock;
    this.alone = alone;
  }

  /**
   * Makes the lock file, and removes those of servers that have ended.
   *
   * @throws IOException if there can be no file in the folder
   */
  static FolderUse begin(Path folder, Host host) throws IOException {
    Path own = folder.resolve(PREFIX + UUID.randomUUID() + SUFFIX);
    // Before the others are looked at: of two servers that start together, neither is alone.
    OwnerLock lock = OwnerLock.create(own, host);
    boolean alone = true;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, PREFIX + "*" + SUFFIX)) {
      for (Path file : files) {
        if (!file.equals(own)) {
          alone &= removeAbandoned(file, host);
        }
      }
    }
    return new FolderUse(own, lock, alone);
  }

  private static boolean removeAbandoned(Path file, Host host) throws IOException {
    if (OwnerLock.judge(file, host) instanceof Abandoned abandoned) {
      deleteAndRelease(file, abandoned.lock());
      return true;
    }
    return !Files.exists(file);
  }

  /** Whether no other server used the folder when this one began. */
  boolean isAlone() {
    return alone;
  }

  @Override
  public void close() throws IOException {
    deleteAndRelease(file, lock);
  }

  private static void deleteAndRelease(Path file, OwnerLock lock) throws IOException {
    try {
      Files.deleteIfExists(file);
    } finally {
      lock.close();
    }
  }
}
