package org.tsnext.server;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.tsnext.core.ownership.LockAttempt;

/**
 * A pid file that the command line wrote for this process, which has it locked since before it ran:
 * the file goes when the process goes.
 */
final class PidFile {
  private static final int MAX_LENGTH = 32;

  private final Path path;

  PidFile(Path path) {
    this.path = path;
  }

  /**
   * Removes the file, unless it names another process by now. Of two processes in two containers
   * that have the same id, the lock tells which one it names.
   *
   * @throws IOException if it is ours and stays
   */
  void removeIfOurs() throws IOException {
    if (!Files.isRegularFile(path)
        || Files.size(path) > MAX_LENGTH
        || !Files.readString(path).strip().equals(Long.toString(ProcessHandle.current().pid()))) {
      return;
    }
    // Opening it again may release our own lock; this process ends now.
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
      if (LockAttempt.on(file) == LockAttempt.TAKEN) {
        Files.delete(path);
      }
    }
  }
}
