package org.tsnext.core.ownership;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;

/** How an attempt to lock a file ended. A lock that was taken ends with its channel. */
public enum LockAttempt {
  TAKEN,
  /** A running process has the lock. */
  HELD,
  /** The file system has no locks, so that nothing is known. */
  IMPOSSIBLE;

  /** Tries to lock a whole file that is open for writing. Does not wait. */
  public static LockAttempt on(FileChannel file) {
    try {
      return file.tryLock() == null ? HELD : TAKEN;
    } catch (OverlappingFileLockException e) {
      return HELD;
    } catch (IOException e) {
      return IMPOSSIBLE;
    }
  }
}
