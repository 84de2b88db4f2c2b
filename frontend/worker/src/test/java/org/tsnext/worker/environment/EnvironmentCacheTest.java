package org.tsnext.worker.environment;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.ownership.Host;

public class EnvironmentCacheTest {
  private static final List<String> SHARED = List.of("1 0 8:1 / / rw - virtiofs share rw");
  private static final Host FIRST = Host.of("boot-a", SHARED);
  private static final Host SECOND = Host.of("boot-b", SHARED);

  private Path parent;
  private Path folder;

  @BeforeMethod
  public void makeFolder() throws IOException {
    parent = Files.createTempDirectory("tsnext-cache");
    folder = parent.resolve("cache");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(parent)) {
      for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  /** Fails after it has made a half, as if the host had lost its power. */
  private void makeHalf(Host host) throws Exception {
    EnvironmentCache cache = new EnvironmentCache(folder, true, host);
    cache.acquire("key", place -> Files.writeString(place.resolve("half"), ""), () -> {});
    Files.delete(folder.resolve("key/complete"));
  }

  @Test
  public void halfMadeFolderOfThisHostIsMadeAgain() throws Exception {
    makeHalf(FIRST);
    EnvironmentCache cache = new EnvironmentCache(folder, true, FIRST);
    Path place =
        cache.acquire("key", made -> Files.writeString(made.resolve("whole"), ""), () -> {});
    assertTrue(Files.exists(place.resolve("whole")));
    assertFalse(Files.exists(place.resolve("half")));
  }

  @Test
  public void folderThatAnotherHostMayBeMakingIsLeftAlone() throws Exception {
    makeHalf(FIRST);
    EnvironmentCache cache = new EnvironmentCache(folder, true, SECOND);
    IOException refused =
        expectThrows(IOException.class, () -> cache.acquire("key", place -> {}, () -> {}));
    assertTrue(refused.getMessage().contains("another host"), refused.getMessage());
    assertTrue(Files.exists(folder.resolve("key/half")));
  }

  @Test
  public void completeFolderOfAnotherHostIsUsed() throws Exception {
    EnvironmentCache first = new EnvironmentCache(folder, true, FIRST);
    Path made = first.acquire("key", place -> {}, () -> {});
    EnvironmentCache second = new EnvironmentCache(folder, true, SECOND);
    assertEquals(
        second.acquire(
            "key",
            place -> {
              throw new IOException("made twice");
            },
            () -> {}),
        made);
  }
}
