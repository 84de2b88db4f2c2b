package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.server.StatusFile.Status;

public class StatusFileTest {
  private Path folder;
  private Path path;

  @BeforeMethod
  public void makeFolder() throws IOException {
    folder = Files.createTempDirectory("tsnext-status");
    path = folder.resolve("status");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    Files.deleteIfExists(path);
    Files.delete(folder);
  }

  private JsonObject read() throws IOException {
    return JsonParser.parseString(Files.readString(path)).getAsJsonObject();
  }

  @Test
  public void eachStateReplacesTheOneBefore() throws IOException {
    StatusFile file = new StatusFile(path);
    file.write(Status.starting());
    assertEquals(read().get("state").getAsString(), "starting");
    Status known =
        new Status(
            StatusFile.State.STARTING,
            Optional.empty(),
            Map.of(),
            StatusFile.Models.NONE,
            List.of("careful"),
            new StatusFile.NamedFiles(
                Optional.of(Path.of("/etc/config.properties")), Optional.empty()),
            Duration.ofSeconds(35));
    file.write(
        known.started(
            Map.of("inference", "http://127.0.0.1:8080"),
            new StatusFile.Models(
                List.of("digits.mar", "x.mar"), List.of("x.mar: Model not found at: x.mar")),
            Optional.of(Path.of("/run/key_file.json"))));
    assertEquals(
        read(),
        JsonParser.parseString(
            """
            {"state": "started", "pid": %d, "addresses": {"inference": "http://127.0.0.1:8080"},
             "models": ["digits.mar", "x.mar"], "failed": ["x.mar: Model not found at: x.mar"],
             "warnings": ["careful"],
             "config_file": "/etc/config.properties", "key_file": "/run/key_file.json",
             "stop_time_sec": 35, "version": "%s"}
            """
                .formatted(ProcessHandle.current().pid(), Version.current())));
    file.write(known.failed("port 8080 is taken"));
    assertEquals(read().get("state").getAsString(), "failed");
    assertEquals(read().get("reason").getAsString(), "port 8080 is taken");
  }

  @Test
  public void onlyTheOwnerCanReadItAndNothingElseIsLeft() throws IOException {
    new StatusFile(path).write(Status.starting());
    assertEquals(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)), "rw-------");
    try (var files = Files.list(folder)) {
      assertEquals(files.toList(), List.of(path));
    }
  }

  @Test
  public void folderThatDoesNotExistIsAnError() {
    StatusFile file = new StatusFile(folder.resolve("nowhere").resolve("status"));
    expectThrows(IOException.class, () -> file.write(Status.starting()));
  }
}
