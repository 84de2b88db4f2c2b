package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Gzip tar archives that mean harm, or are broken, leave nothing behind. */
public class HostileTarTest {

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
    return new Object[][] {{"../evil"}, {"m/../../evil"}, {"/etc/evil"}, {"../m.tgz-evil/f"}};
  }

  @Test(dataProvider = "escapingNames")
  public void nameThatLeadsOutIsRefused(String name) throws IOException {
    workspace.put("m.tgz", Archives.tar().file("m/good", "good").file(name, "evil").bytes());
    assertEquals(workspace.invalid("m.tgz"), "Detected Zip Slip vulnerability: " + name);
  }

  @DataProvider
  public Object[][] oddTypes() {
    return new Object[][] {
      {TarConstants.LF_SYMLINK, "Links are not allowed in an archive: m/odd"},
      {TarConstants.LF_LINK, "Links are not allowed in an archive: m/odd"},
      {TarConstants.LF_CHR, "Devices and pipes are not allowed in an archive: m/odd"},
      {TarConstants.LF_BLK, "Devices and pipes are not allowed in an archive: m/odd"},
      {TarConstants.LF_FIFO, "Devices and pipes are not allowed in an archive: m/odd"},
      {(byte) 'Z', "Only plain files and directories are allowed in an archive: m/odd"},
    };
  }

  @Test(dataProvider = "oddTypes")
  public void whatIsNeitherFileNorFolderIsRefused(byte type, String message) throws IOException {
    workspace.put(
        "m.tgz", Archives.tar().file("m/good", "good").typed("m/odd", type, "/etc").bytes());
    assertEquals(workspace.invalid("m.tgz"), message);
  }

  @Test
  public void writingThroughALinkIsImpossibleSinceTheLinkIsRefusedFirst() throws IOException {
    workspace.put(
        "m.tgz",
        Archives.tar()
            .typed("m/link", TarConstants.LF_SYMLINK, workspace.store().toString())
            .file("m/link/evil", "evil")
            .bytes());
    assertEquals(workspace.invalid("m.tgz"), "Links are not allowed in an archive: m/link");
  }

  @Test
  public void secondEntryOfTheSameNameIsRefused() throws IOException {
    workspace.put("m.tgz", Archives.tar().file("m/a", "one").file("m/a", "two").bytes());
    assertEquals(workspace.invalid("m.tgz"), "Archive has two entries of the same name: m/a");
  }

  @Test
  public void bombIsFoundByItsRatioAndItsTotal() throws IOException {
    workspace.put("m.tgz", Archives.tar().file("zeros", "0".repeat(4 << 20)).bytes());
    assertEquals(
        workspace.refusal("m.tgz", new UnpackLimits(1L << 40, 100, 100, 100, 1 << 20)).getMessage(),
        "Archive unpacks to more than 100 times its own size, at entry: zeros");
    assertEquals(
        workspace.refusal("m.tgz", UnpackLimits.defaults().withMaxTotalBytes(1000)).getMessage(),
        "Archive unpacks to more than the 1000 bytes that unpack_max_bytes allows, at entry: zeros");
  }

  @Test
  public void endlessNameIsNotReadIntoMemory() throws IOException {
    TarArchiveEntry longName =
        new TarArchiveEntry("././@LongLink", TarConstants.LF_GNUTYPE_LONGNAME);
    byte[] name = new byte[3 << 20];
    Arrays.fill(name, (byte) 'n');
    longName.setSize(name.length);
    workspace.put("m.tgz", Archives.tar().entry(longName, name).file("a", "x").bytes());
    assertEquals(
        workspace.invalid("m.tgz"),
        "Cannot unpack m.tgz: a header is longer than the 1048576 bytes allowed");
  }

  @Test
  public void endlessTailIsNotRead() throws IOException {
    byte[] tar = Archives.tar().file("a", "x").plainBytes();
    workspace.put("m.tgz", Archives.gzip(Arrays.copyOf(tar, 3 << 20)));
    assertTrue(workspace.invalid("m.tgz").contains("a header is longer than"));
  }

  @Test
  public void truncatedTarIsRefused() throws IOException {
    byte[] tgz = Archives.tar().file("a", "content").file("b", "content").bytes();
    for (int length = 0; length < tgz.length; length += 7) {
      workspace.put("m.tgz", Arrays.copyOf(tgz, length));
      String said = workspace.invalid("m.tgz");
      if (length > 0) {
        assertEquals(said, "Cannot unpack m.tgz: it is cut off, its end is missing");
      }
    }
  }

  @Test
  public void damageIsFoundByGzipsChecksum() throws IOException {
    byte[] tgz = Archives.tar().file("a", "content").bytes();
    tgz[tgz.length - 8] ^= 1;
    workspace.put("m.tgz", tgz);
    assertTrue(workspace.invalid("m.tgz").startsWith("Cannot unpack m.tgz: "));
  }

  @Test
  public void gzipOfSomethingElseIsRefused() throws IOException {
    workspace.put("m.tgz", Archives.gzip(Archives.utf8("no tar at all ".repeat(100))));
    assertTrue(workspace.invalid("m.tgz").startsWith("Cannot unpack m.tgz: "));
  }
}
