package org.tsnext.worker.connection;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class WorkerSocketAddressTest {

  private Path folder;
  private Path tooLong;

  @BeforeMethod
  public void makeFolders() throws IOException {
    folder = Files.createTempDirectory("address-");
    tooLong = Files.createDirectory(folder.resolve("x".repeat(100)));
  }

  @AfterMethod(alwaysRun = true)
  public void removeFolders() throws IOException {
    Files.delete(tooLong);
    Files.delete(folder);
  }

  @Test
  public void theFirstFolderWhosePathIsShortEnoughIsTaken() throws IOException {
    WorkerSocketAddress.Unix address = WorkerSocketAddress.Unix.create(List.of(tooLong, folder));
    assertEquals(address.folder().getParent(), folder);
    assertTrue(address.path().toString().length() <= 107);
    address.remove();
    assertFalse(Files.exists(address.folder()));
  }

  @Test
  public void aPathThatIsTooLongIsRefusedAndLeavesNothing() throws IOException {
    assertThrows(IOException.class, () -> WorkerSocketAddress.Unix.create(List.of(tooLong)));
    try (Stream<Path> left = Files.list(tooLong)) {
      assertEquals(left.count(), 0);
    }
  }
}
