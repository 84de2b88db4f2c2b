package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class ServerFolderTest {
  private Path parent;

  @BeforeMethod
  public void makeParent() throws IOException {
    parent = Files.createTempDirectory("sweep");
  }

  @AfterMethod
  public void removeParent() throws IOException {
    for (Path path : children()) {
      Files.deleteIfExists(path);
    }
    Files.delete(parent);
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

  @Test
  public void foldersOfDeadServersAreSweptAndNothingElse() throws IOException {
    try (ServerFolder own = ServerFolder.create(parent)) {
      // No process has this number, and this one's number with another start is another process.
      Path dead = folder("tsnext-4194999-1abc-01234567");
      Path reused = folder("tsnext-" + ProcessHandle.current().pid() + "-1abc-01234567");
      Files.writeString(dead.resolve("left"), "over");
      Path foreign = folder("tsnext-test");
      Path file = Files.createFile(parent.resolve("tsnext-4194999-1abc-89abcdef"));
      ServerFolder.sweep(parent);
      assertFalse(Files.exists(dead));
      assertFalse(Files.exists(reused));
      assertTrue(Files.exists(own.path()));
      assertTrue(Files.exists(foreign));
      assertTrue(Files.exists(file));
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
