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
import java.time.Duration;
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
   * The models of the start.
   *
   * @param toLoad what will be loaded, as the operator named it
   * @param failed what of that could not be registered, with the cause, in a line each
   */
  record Models(List<String> toLoad, List<String> failed) {
    static final Models NONE = new Models(List.of(), List.of());
  }

  /**
   * The files that a person may look for.
   *
   * @param keys where the keys are that clients need
   */
  record NamedFiles(Optional<Path> config, Optional<Path> keys) {
    static final NamedFiles NONE = new NamedFiles(Optional.empty(), Optional.empty());
  }

  /**
   * What the file says.
   *
   * @param reason why the start failed
   * @param addresses by role, as they really are
   * @param warnings what a person should read
   * @param stopTime how long the server serves on and finishes what is in flight when it stops
   */
  record Status(
      State state,
      Optional<String> reason,
      Map<String, String> addresses,
      Models models,
      List<String> warnings,
      NamedFiles files,
      Duration stopTime) {

    static Status starting() {
      return new Status(
          State.STARTING,
          Optional.empty(),
          Map.of(),
          Models.NONE,
          List.of(),
          NamedFiles.NONE,
          Duration.ZERO);
    }

    Status started(Map<String, String> whereTo, Models ofStart, Optional<Path> keys) {
      return new Status(
          State.STARTED,
          Optional.empty(),
          whereTo,
          ofStart,
          warnings,
          new NamedFiles(files.config(), keys),
          stopTime);
    }

    Status failed(String why) {
      return new Status(
          State.FAILED, Optional.of(why), addresses, models, warnings, files, stopTime);
    }
  }

  /** Replaces the file. */
  void write(Status status) throws IOException {
    JsonObject content = new JsonObject();
    content.addProperty("state", status.state().name().toLowerCase(Locale.ROOT));
    content.addProperty("pid", ProcessHandle.current().pid());
    status.reason().ifPresent(reason -> content.addProperty("reason", reason));
    content.add("addresses", GSON.toJsonTree(status.addresses()));
    content.add("models", GSON.toJsonTree(status.models().toLoad()));
    content.add("failed", GSON.toJsonTree(status.models().failed()));
    content.add("warnings", GSON.toJsonTree(status.warnings()));
    status.files().config().ifPresent(file -> content.addProperty("config_file", file.toString()));
    status.files().keys().ifPresent(file -> content.addProperty("key_file", file.toString()));
    content.addProperty("stop_time_sec", status.stopTime().toSeconds());
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
