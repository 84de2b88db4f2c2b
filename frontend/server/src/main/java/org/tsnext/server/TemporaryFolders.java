package org.tsnext.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.tsnext.server.machine.ServerFolder;

/**
 * Where this server keeps what is temporary.
 *
 * @param models for unpacked models and installed packages
 * @param sockets for the workers' socket; elsewhere if the name of the other one is too long
 */
record TemporaryFolders(Path models, Path sockets) {

  /**
   * Makes the folders, each removed with {@code parts}, and removes those of dead servers.
   *
   * @param directory the JVM's folder for temporary files
   * @throws StartException if there is no place for them
   */
  static TemporaryFolders make(Path directory, boolean unixSockets, ClosingStack parts)
      throws StartException {
    Path models = makePrivate(directory, parts);
    if (!unixSockets || ServerFolder.fitsSockets(directory)) {
      return new TemporaryFolders(models, models);
    }
    return new TemporaryFolders(models, makePrivate(shorterThan(directory), parts));
  }

  /** Makes a folder of this server alone in {@code parent}. */
  static Path makePrivate(Path parent, ClosingStack parts) throws StartException {
    try {
      ServerFolder.sweep(parent);
      return parts.add("temporary folder", ServerFolder.create(parent)).path();
    } catch (IOException e) {
      throw new StartException("Cannot make a temporary folder in " + parent + ": " + e, e);
    }
  }

  private static Path shorterThan(Path directory) throws StartException {
    return Stream.of(Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR")), Optional.of("/tmp"))
        .flatMap(Optional::stream)
        .filter(text -> !text.isBlank())
        .map(Path::of)
        .filter(place -> Files.isDirectory(place) && Files.isWritable(place))
        .filter(ServerFolder::fitsSockets)
        .findFirst()
        .orElseThrow(
            () ->
                new StartException(
                    "The temporary directory "
                        + directory
                        + " has too long a name for the workers' socket, and there is no shorter"
                        + " place: set TEMP to a shorter one, or worker_transport=tcp"));
  }
}
