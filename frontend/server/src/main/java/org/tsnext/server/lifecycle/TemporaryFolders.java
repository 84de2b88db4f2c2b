package org.tsnext.server.lifecycle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.server.machine.ServerFolder;

/**
 * Where this server keeps what is temporary.
 *
 * @param models for unpacked models and installed packages
 * @param sockets for the workers' socket: {@code models} unless its name is too long; empty where
 *     workers are connected by TCP
 */
public record TemporaryFolders(Path models, Optional<Path> sockets) {
  private static final Logger LOGGER = LoggerFactory.getLogger(TemporaryFolders.class);

  /** What names the JVM's folder for temporary files. */
  private static final String TEMPORARY_DIRECTORY = "the temporary directory";

  private static final String HOW_TO_NAME_IT = "set TEMP or TMPDIR to a directory";

  /** How workers are to be connected. */
  public enum Sockets {
    TCP,
    /** Unix sockets, or TCP where no folder has a name that is short enough. */
    UNIX_IF_THEY_FIT,
    UNIX
  }

  /**
   * Makes the folders, each removed with {@code parts}, and removes those of servers that have
   * ended.
   *
   * @param directory the JVM's folder for temporary files
   * @throws StartException if there is no place for them
   */
  public static TemporaryFolders make(Path directory, Sockets wanted, ClosingStack parts)
      throws StartException {
    Path models = makePrivate(directory, TEMPORARY_DIRECTORY, HOW_TO_NAME_IT, parts);
    if (wanted == Sockets.TCP) {
      return new TemporaryFolders(models, Optional.empty());
    }
    if (ServerFolder.fitsSockets(directory)) {
      return new TemporaryFolders(models, Optional.of(models));
    }
    Optional<Path> shorter = makeInShorter(parts);
    if (shorter.isEmpty()) {
      String reason =
          "The temporary directory "
              + directory
              + " has too long a name for the workers' socket, and there is no shorter place";
      if (wanted == Sockets.UNIX) {
        throw new StartException(
            reason + ": " + HOW_TO_NAME_IT + " with a shorter name, or worker_transport=tcp");
      }
      LOGGER.info("{}: workers are connected by TCP", reason);
    }
    return new TemporaryFolders(models, shorter);
  }

  /**
   * Makes a folder of this server alone in {@code parent}.
   *
   * @param what names the setting that {@code parent} is the value of
   * @param remedy what the operator can do if it cannot be used
   */
  public static Path makePrivate(Path parent, String what, String remedy, ClosingStack parts)
      throws StartException {
    try {
      return makePrivate(parent, parts);
    } catch (IOException e) {
      throw new StartException(
          "Cannot make a folder in %s %s (%s): %s in which the server can write"
              .formatted(what, parent, e, remedy),
          e);
    }
  }

  private static Path makePrivate(Path parent, ClosingStack parts) throws IOException {
    ServerFolder.sweep(parent);
    return parts.add("temporary folder", ServerFolder.create(parent)).path();
  }

  private static Optional<Path> makeInShorter(ClosingStack parts) {
    for (Optional<String> place :
        List.of(Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR")), Optional.of("/tmp"))) {
      Optional<Path> parent = place.filter(text -> !text.isBlank()).map(Path::of);
      if (parent.isPresent()
          && Files.isDirectory(parent.get())
          && ServerFolder.fitsSockets(parent.get())) {
        try {
          return Optional.of(makePrivate(parent.get(), parts));
        } catch (IOException e) {
          LOGGER.debug("No folder for sockets in {}: {}", parent.get(), e.toString());
        }
      }
    }
    return Optional.empty();
  }
}
