package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.testng.annotations.Test;
import org.tsnext.core.ownership.LockHolder;

public class PidFileTest {

  @Test
  public void fileThatNamesThisProcessGoes() throws IOException {
    Path path = Files.createTempFile("pid", null);
    Files.writeString(path, Long.toString(ProcessHandle.current().pid()));
    new PidFile(path).removeIfOurs();
    assertFalse(Files.exists(path));
    new PidFile(path).removeIfOurs();
  }

  @Test
  public void fileThatNamesAnotherProcessStays() throws IOException {
    Path path = Files.createTempFile("pid", null);
    Files.writeString(path, "1");
    new PidFile(path).removeIfOurs();
    assertEquals(Files.readString(path), "1");
    Files.delete(path);
  }

  @Test
  public void fileOfAProcessOfTheSameIdInAnotherContainerStays() throws Exception {
    Path path = Files.createTempFile("pid", null);
    Files.writeString(path, Long.toString(ProcessHandle.current().pid()));
    try (LockHolder other = LockHolder.of(path)) {
      new PidFile(path).removeIfOurs();
      assertTrue(Files.exists(path));
      assertTrue(other.isAlive());
    }
    new PidFile(path).removeIfOurs();
    assertFalse(Files.exists(path));
  }
}
