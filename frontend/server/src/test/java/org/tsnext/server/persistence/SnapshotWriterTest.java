package org.tsnext.server.persistence;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.server.snapshot.Samples;
import org.tsnext.server.snapshot.SavedModel;

/** When snapshots are written. */
public class SnapshotWriterTest {
  private Path top;
  private SnapshotFolder folder;
  private final AtomicReference<List<SavedModel>> state = new AtomicReference<>();

  @BeforeMethod
  public void makeFolder() throws IOException {
    top = Files.createTempDirectory("tsnext-snapshots");
    folder = new SnapshotFolder(top.resolve("config"), () -> Instant.EPOCH, ZoneOffset.UTC);
    state.set(List.of(Samples.model("a", "1.0", "a.mar")));
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(top)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private List<String> kinds() throws IOException {
    return folder.newestFirst().stream()
        .map(file -> file.getFileName().toString().substring(18))
        .toList();
  }

  private SnapshotWriter writer() {
    return new SnapshotWriter(folder, state::get, 20, false, "1.0.0");
  }

  @Test
  public void startChangeAndShutdownAreSaved() throws IOException {
    CountDownLatch seen = new CountDownLatch(2);
    SnapshotWriter writer =
        new SnapshotWriter(
            folder,
            () -> {
              seen.countDown();
              return state.get();
            },
            20,
            false,
            "1.0.0");
    writer.begin();
    state.set(List.of());
    writer.modelsChanged();
    writer.close();
    assertEquals(seen.getCount(), 0);
    assertTrue(kinds().contains("startup.cfg") && kinds().contains("shutdown.cfg"), "" + kinds());
  }

  @Test
  public void nothingIsWrittenBeforeTheModelsOfTheStartAreThere() throws IOException {
    try (SnapshotWriter writer = writer()) {
      writer.modelsChanged();
    }
    assertEquals(kinds(), List.of());
  }

  @Test
  public void sameStateIsNotSavedTwice() throws IOException {
    try (SnapshotWriter writer = writer()) {
      writer.begin();
      writer.modelsChanged();
    }
    assertEquals(kinds(), List.of("shutdown.cfg", "startup.cfg"));
  }

  @Test
  public void eachCallLeavesAFileWhereThatIsAskedFor() throws IOException {
    try (SnapshotWriter writer = new SnapshotWriter(folder, state::get, 20, true, "1.0.0")) {
      writer.begin();
      writer.modelsChanged();
      writer.modelsChanged();
    }
    assertEquals(kinds(), List.of("shutdown.cfg", "snapshot.cfg", "snapshot.cfg", "startup.cfg"));
  }

  @Test
  public void changesDuringAWriteShareTheNextOne() throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch continueMessage = new CountDownLatch(1);
    AtomicInteger asked = new AtomicInteger();
    SnapshotWriter writer =
        new SnapshotWriter(
            folder,
            () -> {
              asked.incrementAndGet();
              writing.countDown();
              await(continueMessage);
              return state.get();
            },
            20,
            false,
            "1.0.0");
    writer.begin();
    await(writing);
    for (int i = 0; i < 1000; i++) {
      writer.modelsChanged();
    }
    continueMessage.countDown();
    writer.close();
    assertEquals(asked.get(), 3, "startup, one for all changes, shutdown");
  }

  @Test
  public void folderThatCannotBeWrittenDoesNoHarm() throws IOException {
    Files.writeString(top.resolve("config"), "a file in its place");
    try (SnapshotWriter writer = writer()) {
      writer.begin();
      state.set(List.of());
      writer.modelsChanged();
    }
    assertEquals(Files.readString(top.resolve("config")), "a file in its place");
  }

  @Test
  public void changeAfterTheEndIsIgnored() throws IOException {
    SnapshotWriter writer = writer();
    writer.begin();
    writer.close();
    writer.modelsChanged();
    assertEquals(kinds().size(), 2);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(60, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
