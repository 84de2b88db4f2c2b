package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Zip archives that mean harm, or are broken, leave nothing behind. */
public class HostileZipTest {

  private static final int SYMLINK_MODE = 0xA1FF;
  private static final int FIFO_MODE = 0x11FF;
  private static final int BLOCK_DEVICE_MODE = 0x61FF;

  private Workspace workspace;

  @BeforeMethod
  public void makeWorkspace() throws IOException {
    workspace = new Workspace();
  }

  @AfterMethod(alwaysRun = true)
  public void removeWorkspace() throws IOException {
    workspace.close();
  }

  @DataProvider
  public Object[][] escapingNames() {
    return new Object[][] {
      {"../evil"},
      {"../../../../../../tmp/evil"},
      {"a/../../evil"},
      {"a/.."},
      {"/etc/evil"},
      {"//evil"},
      {"C:/evil"},
      {"MAR-INF/../../evil"},
    };
  }

  @Test(dataProvider = "escapingNames")
  public void nameThatLeadsOutIsRefused(String name) throws IOException {
    workspace.put("m.mar", Archives.zip().file("good.txt", "good").file(name, "evil").bytes());
    assertEquals(workspace.invalid("m.mar"), "Detected Zip Slip vulnerability: " + name);
  }

  @Test
  public void siblingWhoseNameBeginsWithTheFoldersIsOutside() throws IOException {
    // What a test of text prefixes would let pass: ".../models/x" and ".../models/x-evil".
    Files.createDirectories(workspace.models());
    workspace.put("m.mar", Archives.zip().file("../models-evil/f", "evil").bytes());
    assertTrue(workspace.invalid("m.mar").startsWith("Detected Zip Slip vulnerability: ../"));
  }

  @Test
  public void backslashesAreRefused() throws IOException {
    byte[] zip = Archives.zip().file("aa/bb/evil", "evil").bytes();
    workspace.put("m.mar", Archives.replace(zip, "aa/bb/evil", "..\\..\\evil"));
    assertEquals(
        workspace.invalid("m.mar"), "Entry names with a backslash are not allowed: ..\\..\\evil");
  }

  @Test
  public void nulInANameIsRefusedAndShownEscaped() throws IOException {
    byte[] zip = Archives.zip().file("a.txt#.py", "evil").bytes();
    workspace.put("m.mar", Archives.replace(zip, "a.txt#.py", "a.txt\0.py"));
    assertEquals(
        workspace.invalid("m.mar"), "Entry names with a NUL byte are not allowed: a.txt\\u0000.py");
  }

  @Test
  public void symbolicLinkIsRefused() throws IOException {
    workspace.put(
        "m.mar", Archives.zip().entry("link", SYMLINK_MODE, Archives.utf8("/etc")).bytes());
    assertEquals(workspace.invalid("m.mar"), "Links are not allowed in an archive: link");
  }

  @Test
  public void pipesAndDevicesAreRefused() throws IOException {
    for (int mode : new int[] {FIFO_MODE, BLOCK_DEVICE_MODE}) {
      workspace.put("m.mar", Archives.zip().entry("odd", mode, new byte[0]).bytes());
      assertEquals(
          workspace.invalid("m.mar"), "Only files and directories are allowed in an archive: odd");
    }
  }

  @Test
  public void secondEntryOfTheSameNameIsRefused() throws IOException {
    workspace.put("m.mar", Archives.zip().file("a.py", "one").file("a.py", "two").bytes());
    assertEquals(workspace.invalid("m.mar"), "Archive has two entries of the same name: a.py");
    workspace.put("n.mar", Archives.zip().file("a.py", "one").file("./a.py", "two").bytes());
    assertEquals(workspace.invalid("n.mar"), "Archive has two entries of the same name: ./a.py");
  }

  @Test
  public void fileAndFolderOfTheSameNameAreRefused() throws IOException {
    workspace.put("m.mar", Archives.zip().file("a", "file").file("a/b", "inside").bytes());
    assertEquals(workspace.invalid("m.mar"), "Archive has two entries of the same name: a/b");
    workspace.put("n.mar", Archives.zip().file("a/b", "inside").file("a", "file").bytes());
    assertEquals(workspace.invalid("n.mar"), "Archive has two entries of the same name: a");
  }

  @Test
  public void totalSizeIsCountedInBytesWritten() throws IOException {
    workspace.put(
        "m.mar", Archives.zip().file("a", new byte[60_000]).file("b", new byte[60_000]).bytes());
    ArchiveException e =
        workspace.refusal("m.mar", UnpackLimits.defaults().withMaxTotalBytes(100_000));
    assertEquals(
        e.getMessage(),
        "Archive unpacks to more than the 100000 bytes that unpack_max_bytes allows, at entry: b");
  }

  @Test
  public void bombIsFoundByItsRatio() throws IOException {
    workspace.put("m.mar", Archives.zip().file("zeros", new byte[4 << 20]).bytes());
    ArchiveException e =
        workspace.refusal("m.mar", new UnpackLimits(1L << 40, 100, 100, 100, 1 << 20));
    assertEquals(
        e.getMessage(), "Archive unpacks to more than 100 times its own size, at entry: zeros");
  }

  @Test
  public void sizeThatTheHeaderBeliesIsFoundWhileReading() throws IOException {
    byte[] zip = Archives.zip().file("zeros", new byte[4 << 20]).bytes();
    workspace.put("small.mar", Archives.lieAboutSize(zip, 10));
    assertEquals(
        workspace.invalid("small.mar"),
        "Archive entry zeros holds more than the 10 bytes that its header says");
    workspace.put("large.mar", Archives.lieAboutSize(zip, 5 << 20));
    assertEquals(
        workspace.invalid("large.mar"),
        "Archive entry zeros has 4194304 bytes, its header says 5242880");
  }

  @Test
  public void numberOfEntriesIsLimited() throws IOException {
    Archives.Zip zip = Archives.zip();
    for (int i = 0; i < 11; i++) {
      zip.file("f" + i, "");
    }
    workspace.put("m.mar", zip.bytes());
    ArchiveException e = workspace.refusal("m.mar", new UnpackLimits(1000, 10, 100, 100, 1000));
    assertEquals(
        e.getMessage(),
        "Archive has more than the 10 entries that unpack_max_entries allows, at entry: f10");
  }

  @Test
  public void foldersThatOnlyPathsImplyAreCounted() throws IOException {
    workspace.put("m.mar", Archives.zip().file("a/b/c/d/e/f/g/h/i/j/k", "deep").bytes());
    ArchiveException e = workspace.refusal("m.mar", new UnpackLimits(1000, 10, 100, 100, 1000));
    assertTrue(e.getMessage().startsWith("Archive has more than the 10 entries"), e.getMessage());
  }

  @Test
  public void directoryOfMillionsOfEntriesIsNotReadIntoMemory() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (int i = 0; i < 30_000; i++) {
        zip.putNextEntry(new ZipEntry("entry-with-a-longer-name-" + i));
        zip.closeEntry();
      }
    }
    workspace.put("m.mar", bytes.toByteArray());
    ArchiveException e = workspace.refusal("m.mar", new UnpackLimits(1000, 10, 100, 100, 1000));
    assertEquals(
        e.getMessage(),
        "Cannot unpack m.mar: its directory has more entries than unpack_max_entries allows");
  }

  @Test
  public void longNamesAreRefused() throws IOException {
    workspace.put("m.mar", Archives.zip().file("n".repeat(256), "x").bytes());
    assertTrue(workspace.invalid("m.mar").startsWith("Entry names with a part of more than 255"));
    workspace.put("n.mar", Archives.zip().file("n/".repeat(600) + "n", "x").bytes());
    assertTrue(workspace.invalid("n.mar").startsWith("Entry name has 1201 bytes, at most 1024"));
  }

  @Test
  public void damagedContentIsFoundByItsChecksum() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.setLevel(0);
      zip.putNextEntry(new ZipEntry("weights"));
      zip.write(Archives.utf8("the right bytes"));
      zip.closeEntry();
    }
    workspace.put("m.mar", Archives.replace(bytes.toByteArray(), "right", "wrong"));
    assertEquals(
        workspace.invalid("m.mar"), "Archive entry is damaged, its checksum differs: weights");
  }

  @Test
  public void truncatedZipIsRefused() throws IOException {
    byte[] zip = Archives.zip().file("a", "content").file("b", "content").bytes();
    for (int length = 0; length < zip.length; length += 7) {
      workspace.put("m.mar", Arrays.copyOf(zip, length));
      String said = workspace.invalid("m.mar");
      if (length > 0) {
        assertTrue(said.startsWith("Cannot unpack m.mar: its end"), said);
      }
    }
  }

  @Test
  public void whatIsNoArchiveIsRefusedWhateverItsName() throws IOException {
    workspace.put("m.mar", Archives.utf8("#!/bin/sh"));
    assertEquals(
        workspace.invalid("m.mar"),
        "Neither a zip nor a gzip tar archive, by its first bytes: m.mar");
  }
}
