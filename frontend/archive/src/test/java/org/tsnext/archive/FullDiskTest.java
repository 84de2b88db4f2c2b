package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException.Reason;

/** What counts as a full disk; test_disk_full.py has one. */
public class FullDiskTest {

  private static final Path PLACE = Path.of("").toAbsolutePath();

  @Test
  public void systemSaysThatTheDiskIsFull() {
    IOException full = new IOException("No space left on device");
    ArchiveException e = FullDisk.failedWrite("Cannot write m.pt", PLACE, full);
    assertEquals(e.reason(), Reason.NO_SPACE);
    assertEquals(
        e.getMessage(),
        "The disk is full. Cannot write m.pt: java.io.IOException: No space left on device");
    assertTrue(FullDisk.isSaidToBeFull(new IllegalStateException(full)));
    assertTrue(FullDisk.isSaidToBeFull(new FileSystemException("/x", null, "Disk quota exceeded")));
  }

  @Test
  public void otherFailuresAreNone() {
    IOException other = new IOException("Read-only file system");
    ArchiveException e = FullDisk.failedWrite("Cannot write m.pt", PLACE, other);
    assertEquals(e.reason(), Reason.IO);
    assertFalse(FullDisk.isSaidToBeFull(new IllegalStateException("No space left on device")));
  }
}
