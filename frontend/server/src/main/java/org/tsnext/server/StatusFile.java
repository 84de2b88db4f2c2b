package org.tsnext.server;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Tells the process that started the server how the start goes, as one JSON object in a file that
 * only the owner can read. Readers always see a whole object: each write replaces the file.
 */
final class StatusFile {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private final Path path;

  StatusFile(Path path) {
    this.path = path.toAbsolutePath();
  }

  /** How far the start has come. */
  enum State {
    STARTING,
    STARTED,
    FAILED
  }

  /**
   * What the file says.
   *
   * @param reason why the start failed
   * @param addresses by role, as they really are
   * @param models what will be loaded, as the operator named it
   * @param warnings what a person should read
   * @param keyFile where the keys are that clients need
   */
  record Status(
      State state,
      Optional<String> reason,
      Map<String, String> addresses,
      List<String> models,
      List<String> warnings,
      Optional<Path> configFile,
      Optional<Path> keyFile) {

    static Status starting() {
      return new Status(
          State.STARTING,
          Optional.empty(),
          Map.of(),
          List.of(),
          List.of(),
          Optional.empty(),
          Optional.empty());
    }

    Status started(Map<String, String> whereTo, List<String> toLoad, Optional<Path> keys) {
      return new Status(
          State.STARTED, Optional.empty(), whereTo, toLoad, warnings, configFile, keys);
    }

    Status failed(String why) {
      return new Status(
          State.FAILED, Optional.of(why), addresses, models, warnings, configFile, keyFile);
    }
  }

  /** The JSON object, in the form the file has it. */
  private record Content(
      String state,
      long pid,
      String reason,
      Map<String, String> addresses,
      List<String> models,
      List<String> warnings,
      String config_file,
      String key_file,
      String version) {}

  /** Replaces the file. */
  void write(Status status) throws IOException {
    Content content =
        new Content(
            status.state().name().toLowerCase(Locale.ROOT),
            ProcessHandle.current().pid(),
            status.reason().orElse(null),
            status.addresses(),
            status.models(),
            status.warnings(),
            status.configFile().map(Path::toString).orElse(null),
            status.keyFile().map(Path::toString).orElse(null),
            Version.current());
    Path next = Files.createTempFile(path.getParent(), ".status-", ".tmp", ownerOnly());
    try {
      Files.writeString(next, GSON.toJson(content) + "\n");
      Files.move(next, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(next);
    }
  }

  private static FileAttribute<?>[] ownerOnly() {
    return FileSystems.getDefault().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
        }
        : new FileAttribute<?>[0];
  }
}
