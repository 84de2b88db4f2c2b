package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.lifecycle.TemporaryFolders;
import org.tsnext.server.lifecycle.TemporaryFolders.Sockets;

public class TemporaryFoldersTest {
  private Path parent;
  private ClosingStack parts;

  @BeforeMethod
  public void makeParent() throws IOException {
    parent = Files.createTempDirectory("tf");
    parts = new ClosingStack();
  }

  @AfterMethod
  public void removeParent() throws IOException {
    parts.close();
    try (var files = Files.walk(parent)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  @Test
  public void socketsLieWithTheRestWhereTheirNamesFit() throws StartException {
    TemporaryFolders folders = TemporaryFolders.make(parent, Sockets.UNIX_IF_THEY_FIT, parts);
    assertEquals(folders.sockets(), Optional.of(folders.models()));
  }

  @Test
  public void socketsOfALongNameLieElsewhere() throws Exception {
    Path longer = Files.createDirectory(parent.resolve("x".repeat(90)));
    TemporaryFolders folders = TemporaryFolders.make(longer, Sockets.UNIX, parts);
    assertTrue(folders.models().startsWith(longer));
    assertFalse(folders.sockets().orElseThrow().startsWith(longer));
  }

  @Test
  public void unusableFolderNamesTheSetting() throws IOException {
    Path file = Files.createFile(parent.resolve("file"));
    StartException refused =
        expectThrows(
            StartException.class,
            () -> TemporaryFolders.make(file, Sockets.UNIX_IF_THEY_FIT, parts));
    assertTrue(refused.getMessage().contains("set TEMP or TMPDIR"), refused.getMessage());
    assertTrue(refused.getMessage().contains(file.toString()), refused.getMessage());
    refused =
        expectThrows(
            StartException.class,
            () -> TemporaryFolders.makePrivate(file, "model_cache", "set model_cache", parts));
    assertTrue(refused.getMessage().contains("model_cache " + file), refused.getMessage());
  }
}
