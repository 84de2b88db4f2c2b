package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.LockHolder;
import org.tsnext.core.ownership.OwnerLock;

public class ServerFolderTest {
  private Path parent;

  @BeforeMethod
  public void makeParent() throws IOException {
    parent = Files.createTempDirectory("sweep");
  }

  @AfterMethod
  public void removeParent() throws IOException {
    try (var files = Files.walk(parent)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private List<Path> children() throws IOException {
    try (var files = Files.list(parent)) {
      return files.sorted().toList();
    }
  }

  private Path folder(String name) throws IOException {
    return Files.createDirectory(parent.resolve(name));
  }

  @Test
  public void folderIsPrivateAndRemovedWithItsContentButNotWhatLinksPointTo() throws IOException {
    Path outside = Files.createTempFile("outside", "");
    try (ServerFolder folder = ServerFolder.create(parent)) {
      assertEquals(
          PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.path())), "rwx------");
      Files.createDirectories(folder.path().resolve("a/b"));
      Files.writeString(folder.path().resolve("a/b/file"), "text");
      Files.createSymbolicLink(folder.path().resolve("a/link"), outside);
      Files.createSymbolicLink(folder.path().resolve("dangling"), Path.of("/nowhere"));
    }
    assertEquals(children(), List.of());
    assertTrue(Files.exists(outside));
    Files.delete(outside);
  }

  @Test
  public void closingTwiceIsHarmless() throws IOException {
    ServerFolder folder = ServerFolder.create(parent);
    folder.close();
    folder.close();
    assertFalse(Files.exists(folder.path()));
  }

  @Test
  public void twoServersGetTwoFolders() throws IOException {
    try (ServerFolder one = ServerFolder.create(parent);
        ServerFolder two = ServerFolder.create(parent)) {
      assertFalse(one.path().equals(two.path()));
    }
  }

  /** A folder as a server leaves it that has ended, under the name of any process. */
  private Path abandoned(String name, Host host) throws IOException {
    Path folder = folder(name);
    Files.writeString(folder.resolve("left"), "over");
    OwnerLock.create(folder.resolve("owner.lock"), host).close();
    return folder;
  }

  @Test
  public void foldersOfEndedServersAreSweptAndNothingElse() throws IOException {
    try (ServerFolder own = ServerFolder.create(parent)) {
      Path dead = abandoned("tsnext-4194999-1abc-01234567", Host.current());
      // The process runs, but it is another one: nothing depends on process ids.
      Path reused = abandoned("tsnext-1-1abc-01234567", Host.current());
      Path foreign = folder("tsnext-test");
      Path withoutLock = folder("tsnext-4194999-1abc-76543210");
      Path file = Files.createFile(parent.resolve("tsnext-4194999-1abc-89abcdef"));
      ServerFolder.sweep(parent);
      assertFalse(Files.exists(dead));
      assertFalse(Files.exists(reused));
      assertTrue(Files.exists(own.path()));
      assertTrue(Files.exists(foreign));
      assertTrue(Files.exists(withoutLock));
      assertTrue(Files.exists(file));
    }
  }

  @Test
  public void folderOfARunningServerStaysThoughNoProcessOfItsIdIsSeen() throws Exception {
    Path folder = abandoned("tsnext-4194999-1abc-01234567", Host.current());
    try (LockHolder server = LockHolder.of(folder.resolve("owner.lock"))) {
      ServerFolder.sweep(parent);
      assertTrue(Files.exists(folder.resolve("left")));
      assertTrue(server.isAlive());
    }
    ServerFolder.sweep(parent);
    assertFalse(Files.exists(folder));
  }

  @Test
  public void folderOfAnotherHostStaysWhereItsLockIsNotSeen() throws IOException {
    List<String> shared = List.of("1 0 8:1 / / rw - virtiofs share rw");
    Path folder = abandoned("tsnext-4194999-1abc-01234567", Host.of("boot-a", shared));
    ServerFolder.sweep(parent, Host.of("boot-b", shared));
    assertTrue(Files.exists(folder.resolve("left")));
    ServerFolder.sweep(parent, Host.of("boot-a", shared));
    assertFalse(Files.exists(folder));
  }

  @Test
  public void ownFolderStaysLockedThroughASweep() throws Exception {
    try (ServerFolder own = ServerFolder.create(parent)) {
      ServerFolder.sweep(parent);
      expectThrows(IOException.class, () -> LockHolder.of(own.path().resolve("owner.lock")));
    }
  }

  @Test
  public void sweepingWhereNothingIsDoesNothing() {
    ServerFolder.sweep(parent.resolve("nowhere"));
  }

  @Test
  public void longNamesDoNotFitSockets() {
    assertTrue(ServerFolder.fitsSockets(Path.of("/tmp")));
    assertTrue(ServerFolder.fitsSockets(Path.of("/run/user/1000")));
    assertFalse(ServerFolder.fitsSockets(Path.of("/tmp/" + "x".repeat(60))));
  }
}
