package org.tsnext.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A pid file that the command line wrote for this process: it goes when the process goes. */
final class PidFile {
  private static final Logger LOG = LoggerFactory.getLogger(PidFile.class);
  private static final int LONGEST = 32;

  private final Path path;

  PidFile(Path path) {
    this.path = path;
  }

  /** Removes the file, unless it names another process by now. */
  void removeIfOurs() {
    try {
      if (Files.isRegularFile(path)
          && Files.size(path) <= LONGEST
          && Files.readString(path).strip().equals(Long.toString(ProcessHandle.current().pid()))) {
        Files.delete(path);
      }
    } catch (IOException e) {
      LOG.warn("The pid file {} was not removed: {}", path, e.toString());
    }
  }
}
