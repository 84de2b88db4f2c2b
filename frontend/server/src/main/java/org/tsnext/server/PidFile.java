package org.tsnext.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A pid file that the command line wrote for this process: it goes when the process goes. */
final class PidFile {
  private static final int LONGEST = 32;

  private final Path path;

  PidFile(Path path) {
    this.path = path;
  }

  /**
   * Removes the file, unless it names another process by now.
   *
   * @throws IOException if it is ours and stays
   */
  void removeIfOurs() throws IOException {
    if (Files.isRegularFile(path)
        && Files.size(path) <= LONGEST
        && Files.readString(path).strip().equals(Long.toString(ProcessHandle.current().pid()))) {
      Files.delete(path);
    }
  }
}
