package org.tsnext.worker.environment;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.OwnerLock;

/**
 * Folders of installed packages, each under a key that stands for what is in it. A folder is made
 * once, in place (virtual environments hold absolute paths), and counts only once it has its mark:
 * a half-made one is made again. Two makers of one key take turns; so do servers that share the
 * cache. Thread-safe.
 */
final class EnvironmentCache {

  private static final Logger LOG = LoggerFactory.getLogger(EnvironmentCache.class);
  private static final String MARK = "complete";
  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");

  private final Path folder;
  private final boolean kept;
  private final Host host;
  private final Map<String, Entry> entries = new HashMap<>();

  /** Who uses or makes the folder of one key. */
  private static final class Entry {
    final ReentrantLock lock = new ReentrantLock();
    int holders;
  }

  /** Fills a folder that is empty. */
  @FunctionalInterface
  interface Maker {
    void make(Path folder) throws IOException, InterruptedException;
  }

  /**
   * @param folder made (0700) when it is needed
   * @param kept whether folders outlive those that use them, and this server
   */
  EnvironmentCache(Path folder, boolean kept) {
    this(folder, kept, Host.current());
  }

  EnvironmentCache(Path folder, boolean kept, Host host) {
    this.host = host;
    this.folder = folder.toAbsolutePath().normalize();
    this.kept = kept;
  }

  /**
   * The folder of {@code key}, made by {@code maker} if it is not there, and held until {@link
   * #release}.
   *
   * @param onWait runs if another process is making it just now
   * @throws IOException if there is no place for it, or {@code maker} says so; nothing stays
   * @throws InterruptedException if this thread is interrupted while it waits or makes
   */
  Path acquire(String key, Maker maker, Runnable onWait) throws IOException, InterruptedException {
    Entry entry = hold(key);
    boolean acquired = false;
    try {
      if (!entry.lock.tryLock()) {
        onWait.run();
        entry.lock.lockInterruptibly();
      }
      try {
        Path place = locked(key, maker);
        acquired = true;
        return place;
      } finally {
        entry.lock.unlock();
      }
    } finally {
      if (!acquired) {
        letGo(key);
      }
    }
  }

  /** Ends one use of a folder of this cache, by any path inside it; others are left alone. */
  void release(Path inside) {
    Path path = inside.toAbsolutePath().normalize();
    if (path.startsWith(folder) && !path.equals(folder)) {
      letGo(folder.relativize(path).getName(0).toString());
    }
  }

  private Path locked(String key, Maker maker) throws IOException, InterruptedException {
    makePrivateFolder();
    Path place = folder.resolve(key);
    if (!kept) {
      // No other server has this folder.
      return Files.exists(place.resolve(MARK)) ? place : make(place, maker, () -> true);
    }
    Path lockFile = folder.resolve(key + ".lock");
    // Another server with the same cache may be at it.
    try (OwnerLock lock = awaitLock(lockFile)) {
      if (Files.exists(place.resolve(MARK))) {
        return place;
      }
      if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)
          && !lock.lastOwnerHasEnded(lockFile, host)) {
        throw new IOException(
            "the packages in "
                + place
                + " are not complete, and it is unknown whether another host installs them just"
                + " now, since its locks are not seen here; remove the folder if none does, or set"
                + " dependency_cache to a folder of this host");
      }
      lock.mark(host);
      return make(place, maker, lock::isHeld);
    }
  }

  private static OwnerLock awaitLock(Path lockFile) throws IOException {
    try {
      return OwnerLock.await(lockFile);
    } catch (ClosedByInterruptException | FileLockInterruptionException e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(
          lockFile
              + " cannot be locked, so that servers could not take turns ("
              + e.getMessage()
              + "); set dependency_cache to a folder of a file system with locks",
          e);
    }
  }

  private static Path make(Path place, Maker maker, BooleanSupplier held)
      throws IOException, InterruptedException {
    remove(place);
    boolean made = false;
    try {
      Files.createDirectory(place, PosixFilePermissions.asFileAttribute(PRIVATE));
      maker.make(place);
      Files.createFile(place.resolve(MARK));
      made = held.getAsBoolean();
      return place;
    } finally {
      if (!made) {
        remove(place);
      }
    }
  }

  private synchronized Entry hold(String key) {
    Entry entry = entries.computeIfAbsent(key, unused -> new Entry());
    entry.holders++;
    return entry;
  }

  private void letGo(String key) {
    Path doomed = null;
    synchronized (this) {
      Entry entry = entries.get(key);
      if (entry == null || --entry.holders > 0) {
        return;
      }
      entries.remove(key);
      if (!kept) {
        doomed = setAside(key);
      }
    }
    if (doomed != null) {
      remove(doomed);
    }
  }

  /** Out of the way of the next one that makes it, before the long removal. */
  private Path setAside(String key) {
    try {
      Path place = folder.resolve(key);
      return Files.exists(place)
          ? Files.move(place, folder.resolve(UUID.randomUUID() + ".gone"))
          : null;
    } catch (IOException e) {
      LOG.warn("Cannot remove the packages in {}: {}", folder.resolve(key), e.toString());
      return null;
    }
  }

  /** What others could write here would run as this user. */
  private void makePrivateFolder() throws IOException {
    Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
    Set<PosixFilePermission> permissions =
        Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS);
    boolean own =
        !Files.exists(Path.of("/proc/self"))
            || Files.getOwner(folder).equals(Files.getOwner(Path.of("/proc/self")));
    if (!own
        || permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new IOException(
          "the folder "
              + folder
              + " is not the server's own or others may write to it; expected one that is private");
    }
  }

  private static void remove(Path place) {
    if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      Files.walkFileTree(place, Set.of(), Integer.MAX_VALUE, new Deleter());
    } catch (IOException e) {
      LOG.warn("Cannot remove {}: {}", place, e.toString());
    }
  }

  /** Removes a tree; links are removed, not followed. */
  private static final class Deleter extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.delete(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, IOException error)
        throws IOException {
      if (error != null) {
        throw error;
      }
      Files.delete(directory);
      return FileVisitResult.CONTINUE;
    }
  }
}
