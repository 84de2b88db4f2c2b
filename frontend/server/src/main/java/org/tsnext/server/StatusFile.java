package org.tsnext.server;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
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

  /** Replaces the file. */
  void write(Status status) throws IOException {
    JsonObject content = new JsonObject();
    content.addProperty("state", status.state().name().toLowerCase(Locale.ROOT));
    content.addProperty("pid", ProcessHandle.current().pid());
    status.reason().ifPresent(reason -> content.addProperty("reason", reason));
    content.add("addresses", GSON.toJsonTree(status.addresses()));
    content.add("models", GSON.toJsonTree(status.models()));
    content.add("warnings", GSON.toJsonTree(status.warnings()));
    status.configFile().ifPresent(file -> content.addProperty("config_file", file.toString()));
    status.keyFile().ifPresent(file -> content.addProperty("key_file", file.toString()));
    content.addProperty("version", Version.current());
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
