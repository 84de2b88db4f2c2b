package org.tsnext.server.tokens;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.ownership.LockHolder;

public class TokenFileTest {
  private static final String KEYS = "{\"API\": {\"key\": \"a\"}}";

  private Path folder;
  private Path path;

  @BeforeMethod
  public void makeFolder() throws IOException {
    folder = Files.createTempDirectory("tsnext-keys");
    path = folder.resolve("key_file.json");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  private List<Path> files() throws IOException {
    try (var files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  @Test
  public void onlyTheOwnerCanReadItAndItGoesAtTheEnd() throws IOException {
    TokenFile file = new TokenFile(path);
    file.write(KEYS);
    assertEquals(Files.readString(path), KEYS);
    assertEquals(mode(path), "rw-------");
    file.write(KEYS + " ");
    assertEquals(Files.readString(path), KEYS + " ");
    assertEquals(mode(path), "rw-------");
    assertEquals(files(), List.of(path));
    file.close();
    assertEquals(files(), List.of());
  }

  @Test
  public void fileOfADeadServerIsReplacedWhateverItsMode() throws IOException {
    Files.writeString(path, KEYS);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-r--r--"));
    try (TokenFile file = new TokenFile(path)) {
      file.write("{}");
      assertEquals(mode(path), "rw-------");
      assertEquals(Files.readString(path), "{}");
    }
  }

  @Test
  public void fileOfARunningServerIsLeftAlone() throws IOException {
    TokenFile second = new TokenFile(path);
    try (TokenFile first = new TokenFile(path)) {
      first.write(KEYS);
      IOException refused = expectThrows(IOException.class, () -> second.write("{}"));
      assertTrue(refused.getMessage().contains("another running server"), refused.getMessage());
      second.close();
      assertEquals(Files.readString(path), KEYS);
      assertEquals(files(), List.of(path));
      first.write(KEYS + " ");
      expectThrows(IOException.class, () -> second.write("{}"));
    }
  }

  @Test
  public void fileOfARunningServerInAnotherProcessIsLeftAlone() throws Exception {
    Files.writeString(path, KEYS);
    try (LockHolder server = LockHolder.of(path)) {
      IOException refused = expectThrows(IOException.class, () -> new TokenFile(path).write("{}"));
      assertTrue(refused.getMessage().contains("another running server"), refused.getMessage());
      assertEquals(Files.readString(path), KEYS);
      assertTrue(server.isAlive());
    }
    try (TokenFile file = new TokenFile(path)) {
      file.write("{}");
    }
  }

  @Test
  public void fileThatAServerOfAnotherHostMayHaveIsLeftAlone() throws IOException {
    List<String> shared = List.of("1 0 8:1 / / rw - virtiofs share rw");
    TokenFile first = new TokenFile(path, Host.of("boot-a", shared));
    first.write(KEYS);
    // As a server leaves it that is killed.
    Path copy = Files.copy(path, folder.resolve("copy"));
    Files.move(copy, path, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    TokenFile second = new TokenFile(path, Host.of("boot-b", shared));
    IOException refused = expectThrows(IOException.class, () -> second.write("{}"));
    assertTrue(refused.getMessage().contains("remove the file if none does"), refused.getMessage());
    assertEquals(Files.readString(path), KEYS);
    TokenFile next = new TokenFile(path, Host.of("boot-a", shared));
    next.write("{}");
    next.close();
    assertEquals(files(), List.of());
  }

  @Test
  public void whatIsNoKeyFileIsNeverOverwritten() throws IOException {
    Files.writeString(path, "my thesis");
    TokenFile file = new TokenFile(path);
    IOException refused = expectThrows(IOException.class, () -> file.write(KEYS));
    assertTrue(refused.getMessage().contains("not a key file"), refused.getMessage());
    file.close();
    assertEquals(Files.readString(path), "my thesis");
  }

  @Test
  public void linksAreNotFollowed() throws IOException {
    Path thesis = Files.writeString(folder.resolve("thesis"), KEYS);
    Files.createSymbolicLink(path, thesis);
    IOException refused = expectThrows(IOException.class, () -> new TokenFile(path).write("{}"));
    assertTrue(refused.getMessage().contains("not a regular file"), refused.getMessage());
    assertEquals(Files.readString(thesis), KEYS);
    assertTrue(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
  }

  @Test
  public void fileOfAnotherOwnerIsNotRemoved() throws IOException {
    TokenFile file = new TokenFile(path);
    file.write(KEYS);
    Files.move(
        Files.writeString(folder.resolve("other"), "other"),
        path,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    file.close();
    assertEquals(Files.readString(path), "other");
  }

  @Test
  public void missingFolderIsSaid() {
    TokenFile file = new TokenFile(folder.resolve("missing").resolve("key_file.json"));
    IOException refused = expectThrows(IOException.class, () -> file.write(KEYS));
    assertTrue(refused.getMessage().contains("does not exist"), refused.getMessage());
    assertFalse(Files.exists(folder.resolve("missing")));
  }
}
