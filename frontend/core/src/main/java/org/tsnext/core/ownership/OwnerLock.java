package org.tsnext.core.ownership;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A file that is locked as long as what it lies beside is in use. The kernel releases the lock with
 * the process, however that ends. The file holds the mark of the owner's host.
 *
 * <p>The lock belongs to the process (POSIX): a process must not open its own lock file a second
 * time, since closing that would release the lock.
 */
public final class OwnerLock implements Closeable {
  private static final Set<OpenOption> READ_WRITE =
      Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
  private static final int MAX_MARK_BYTES = 128;

  private final FileChannel channel;

  private OwnerLock(FileChannel channel) {
    this.channel = channel;
  }

  /** What a lock file says of its owner. */
  public sealed interface Judgement permits Owned, Abandoned, Unknown {}

  /** A running process holds the lock. */
  public record Owned() implements Judgement {}

  /**
   * The owner has ended.
   *
   * @param lock now held by the caller, who closes it
   */
  public record Abandoned(OwnerLock lock) implements Judgement {}

  /**
   * It cannot be told: what the lock file belongs to is left alone.
   *
   * @param reason for the log
   */
  public record Unknown(String reason) implements Judgement {}

  /**
   * Makes a lock file (0600) and holds it. It appears under its name only once it is locked. On a
   * file system without locks it is not locked, and other servers cannot tell that it is in use.
   *
   * @throws IOException if the file cannot be made
   */
  public static OwnerLock create(Path file, Host host) throws IOException {
    // Of the mode 0600, where there are modes.
    Path draft = Files.createTempFile(file.toAbsolutePath().getParent(), ".lock-", ".tmp");
    FileChannel channel = null;
    boolean made = false;
    try {
      channel = FileChannel.open(draft, READ_WRITE);
      LockAttempt.on(channel);
      writeMark(channel, host);
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
      made = true;
      return new OwnerLock(channel);
    } finally {
      if (!made) {
        Files.deleteIfExists(draft);
        close(channel);
      }
    }
  }

  /**
   * Takes the lock of {@code file}, made if need be, whether or not its last owner is known to have
   * ended. Blocks while a running process has it.
   *
   * @throws IOException if the file system has no locks
   */
  public static OwnerLock await(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
    boolean locked = false;
    try {
      channel.lock();
      locked = true;
      return new OwnerLock(channel);
    } finally {
      if (!locked) {
        channel.close();
      }
    }
  }

  /** Tells whether the owner of a lock file, which must not be this process's own, still runs. */
  public static Judgement judge(Path file, Host host) {
    try {
      FileChannel channel = FileChannel.open(file, READ_WRITE);
      Judgement judgement = null;
      try {
        judgement = judge(channel, file, host);
        return judgement;
      } finally {
        if (!(judgement instanceof Abandoned)) {
          channel.close();
        }
      }
    } catch (NoSuchFileException e) {
      return new Unknown("it has no lock file");
    } catch (IOException e) {
      return new Unknown("its lock file cannot be used: " + e);
    }
  }

  private static Judgement judge(FileChannel channel, Path file, Host host) throws IOException {
    return switch (LockAttempt.on(channel)) {
      case HELD -> new Owned();
      case IMPOSSIBLE -> new Unknown("its file system has no locks");
      case TAKEN -> {
        OwnerLock lock = new OwnerLock(channel);
        yield lock.lastOwnerHasEnded(file, host)
            ? new Abandoned(lock)
            : new Unknown("it was made on another host, whose locks are not seen here");
      }
    };
  }

  /** Whether the owner before this one would have been seen, were it still running. */
  public boolean lastOwnerHasEnded(Path file, Host host) throws IOException {
    return readMark().equals(host.mark()) || host.seesEveryLock(file);
  }

  /** Names this host as the owner's. */
  public void mark(Host host) throws IOException {
    writeMark(channel, host);
  }

  /** Whether the lock is still held. */
  public boolean isHeld() {
    return channel.isOpen();
  }

  /** Releases the lock; the file stays. */
  @Override
  public void close() throws IOException {
    channel.close();
  }

  private String readMark() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(MAX_MARK_BYTES);
    int length = Math.max(channel.read(bytes, 0), 0);
    return new String(bytes.array(), 0, length, StandardCharsets.UTF_8).strip();
  }

  private static void writeMark(FileChannel channel, Host host) throws IOException {
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(host.mark().getBytes(StandardCharsets.UTF_8)), 0);
  }

  private static void close(FileChannel channel) throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}
