package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class FolderSizeTest {

  private Workspace workspace;
  private Path folder;

  @BeforeMethod
  public void makeWorkspace() throws IOException {
    workspace = new Workspace();
    folder = Files.createDirectories(workspace.store().resolve("m"));
  }

  @AfterMethod(alwaysRun = true)
  public void removeWorkspace() throws IOException {
    workspace.close();
  }

  @Test
  public void filesOfAllFoldersCount() throws IOException {
    Files.write(folder.resolve("a"), new byte[10]);
    Files.write(Files.createDirectories(folder.resolve("b/c")).resolve("d"), new byte[100]);

    assertEquals(FolderSize.of(folder, Long.MAX_VALUE), 110);
  }

  @Test
  public void linkCountsAsTheFileThatItNames() throws IOException {
    Path blob = Files.write(workspace.root().resolve("blob"), new byte[50]);
    Files.createSymbolicLink(folder.resolve("weights"), blob);
    Files.createSymbolicLink(folder.resolve("broken"), workspace.root().resolve("nothing"));
    Files.createSymbolicLink(folder.resolve("around"), folder);

    assertEquals(FolderSize.of(folder, Long.MAX_VALUE), 50);
  }

  @Test
  public void countingEndsWhereItIsEnough() throws IOException {
    for (int i = 0; i < 5; i++) {
      Files.write(folder.resolve("f" + i), new byte[100]);
    }

    long counted = FolderSize.of(folder, 150);

    assertTrue(counted > 150 && counted < 500, String.valueOf(counted));
  }

  @Test
  public void folderThatIsNotThereIsEmpty() {
    assertEquals(FolderSize.of(folder.resolve("nothing"), 1), 0);
  }
}
