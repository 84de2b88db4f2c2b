package org.tsnext.server.persistence;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.ownership.LockHolder;
import org.tsnext.server.persistence.SnapshotFolder.Moment;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.snapshot.Samples;
import org.tsnext.server.snapshot.SavedModel;
import org.tsnext.server.snapshot.Snapshot;
import org.tsnext.server.snapshot.SnapshotJson;

/** Files of snapshots: their names, who can read them, which are kept. */
public class SnapshotFolderTest {
  private static final List<SavedModel> MODELS = List.of(Samples.model("größe", "1.0", "m.mar"));

  private Path top;
  private Path config;
  private Instant now;
  private SnapshotFolder folder;

  @BeforeMethod
  public void makeFolder() throws IOException {
    top = Files.createTempDirectory("tsnext-snapshots");
    now = Instant.parse("2030-02-03T04:05:06.789Z");
    config = top.resolve("logs").resolve("config");
    folder = new SnapshotFolder(config, () -> now, ZoneOffset.UTC);
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(top)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private List<String> names() throws IOException {
    return folder.newestFirst().stream().map(file -> file.getFileName().toString()).toList();
  }

  @Test
  public void namesAndFormAreTheOriginals() throws IOException {
    Path file = folder.write(Moment.STARTUP, MODELS, "1.0.0");
    assertEquals(file, config.resolve("20300203040506789-startup.cfg"));
    String text = Files.readString(file, StandardCharsets.US_ASCII);
    assertTrue(text.startsWith("#Saving snapshot\n#"), text);
    String json = ConfigFile.read(file).values().get("model_snapshot");
    assertTrue(json.contains("\n"), "pretty-printed");
    assertEquals(SnapshotJson.read(json).models(), List.of(afterReading(MODELS.get(0))));
  }

  /** A model that is registered again does not wait for its workers. */
  private static SavedModel afterReading(SavedModel model) throws IOException {
    return SnapshotJson.read(
            SnapshotJson.write(new Snapshot("x", Optional.of(Instant.EPOCH), List.of(model))))
        .models()
        .get(0);
  }

  @Test
  public void onlyTheOwnerCanReadThem() throws IOException {
    Path file = folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
    assertEquals(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), "rw-------");
    assertEquals(PosixFilePermissions.toString(Files.getPosixFilePermissions(config)), "rwx------");
  }

  @Test
  public void namesGoUpAlsoWhenTheClockGoesBack() throws IOException {
    folder.write(Moment.STARTUP, MODELS, "1.0.0");
    folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
    now = now.minus(Duration.ofHours(1));
    folder.write(Moment.SHUTDOWN, MODELS, "1.0.0");
    assertEquals(
        names(),
        List.of(
            "20300203040506791-shutdown.cfg",
            "20300203040506790-snapshot.cfg",
            "20300203040506789-startup.cfg"));
  }

  @Test
  public void strayFilesAreNeitherReadNorRemoved() throws IOException {
    folder.write(Moment.STARTUP, MODELS, "1.0.0");
    for (String stray : List.of("notes.txt", "9-startup.cfg", "20400101000000000-startup.cfg~")) {
      Files.writeString(config.resolve(stray), "not a snapshot");
    }
    Files.createDirectory(config.resolve("20400101000000000-startup.cfg"));
    now = now.plusSeconds(1);
    folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
    folder.prune(1);
    assertEquals(names(), List.of("20300203040507789-snapshot.cfg"));
    try (var files = Files.list(config)) {
      List<String> left = new ArrayList<>(files.map(f -> f.getFileName().toString()).toList());
      left.removeIf(name -> name.endsWith(".lock"));
      assertEquals(left.size(), 5, left.toString());
    }
  }

  @Test
  public void digitsThatAreNoTimeAreStillFollowed() throws IOException {
    Files.createDirectories(config);
    Files.writeString(config.resolve("99999999999999998-startup.cfg"), "");
    Path file = folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
    assertEquals(file.getFileName().toString(), "99999999999999999-snapshot.cfg");
  }

  @Test
  public void newestAreKept() throws IOException {
    for (int i = 0; i < 5; i++) {
      folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
    }
    folder.prune(2);
    assertEquals(
        names(), List.of("20300203040506793-snapshot.cfg", "20300203040506792-snapshot.cfg"));
  }

  @Test
  public void thoseOfARunAreRemovedByTheNextButNotWhileAnotherServerUsesTheFolder()
      throws Exception {
    Files.createDirectories(config);
    Path earlier = Files.writeString(config.resolve("20200203040506789-snapshot.cfg"), "");
    Path lock = Files.createFile(config.resolve(".server-of-another.lock"));
    try (LockHolder other = LockHolder.of(lock)) {
      assertTrue(other.isAlive());
      for (int i = 0; i < 3; i++) {
        folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
        folder.prune(1);
      }
      assertEquals(
          names(), List.of("20300203040506791-snapshot.cfg", earlier.getFileName().toString()));
      folder.close();
      assertTrue(Files.exists(lock), "the other server's");
    }
    folder = new SnapshotFolder(config, () -> now, ZoneOffset.UTC);
    folder.write(Moment.SNAPSHOT, MODELS, "1.0.0");
    folder.prune(1);
    assertEquals(names(), List.of("20300203040506792-snapshot.cfg"));
    assertFalse(Files.exists(lock), "its server has ended");
    folder.close();
    try (var files = Files.list(config)) {
      assertEquals(files.count(), 1, "no lock file is left");
    }
  }

  @Test
  public void absentFolderHasNoSnapshots() throws IOException {
    assertEquals(folder.newestFirst(), List.of());
    assertFalse(Files.exists(config));
  }
}
