package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException.Reason;

/** Folders below the model store that a client names by their whole path. */
public class StoreFolderTest {

  private Workspace workspace;

  @BeforeMethod
  public void makeWorkspace() throws IOException {
    workspace = new Workspace();
  }

  @AfterMethod(alwaysRun = true)
  public void removeWorkspace() throws IOException {
    workspace.close();
  }

  private Path folder(String path) throws IOException {
    Path folder = Files.createDirectories(workspace.root().resolve(path));
    Files.writeString(folder.resolve("weights.pt"), "w");
    return folder;
  }

  private ModelArchive open(StoreModelSource source, Path folder) throws ArchiveException {
    return source.open(Workspace.at(folder.toString(), false));
  }

  private ArchiveException refused(Path folder) {
    ArchiveException e =
        expectThrows(ArchiveException.class, () -> open(workspace.source(), folder));
    assertEquals(e.reason(), Reason.NOT_FOUND);
    return e;
  }

  @Test
  public void folderBelowTheStoreIsUsedInPlace() throws Exception {
    Path folder = folder("store/models/a1b2/model");

    ModelArchive archive = open(workspace.source(), folder);

    assertEquals(archive.directory(), folder);
    assertEquals(archive.url(), folder.toString());
    assertEquals(archive.manifest(), Optional.empty());
    assertFalse(archive.temporary());
    workspace.source().release(archive);
    assertTrue(Files.exists(folder.resolve("weights.pt")));
  }

  @Test
  public void wholeFileSystemCanBeTheStore() throws Exception {
    Path folder = folder("elsewhere/a1b2/model");
    StoreModelSource source =
        new StoreModelSource(
            Optional.of(Path.of("/")), workspace.models(), UnpackLimits.defaults());

    assertEquals(open(source, folder).directory(), folder);
    assertEquals(
        expectThrows(ArchiveException.class, () -> open(source, Path.of("/"))).reason(),
        Reason.NOT_FOUND);
  }

  @Test
  public void itsManifestCounts() throws Exception {
    Path folder = folder("store/a1b2/model");
    Files.createDirectory(folder.resolve("MAR-INF"));
    Files.write(folder.resolve(Archives.MANIFEST), Archives.manifest(""));

    assertTrue(open(workspace.source(), folder).manifest().isPresent());
  }

  @Test
  public void sameNameInTheStoreItselfIsNotMeant() throws Exception {
    Path deep = folder("store/a1b2/model");
    folder("store/model");

    assertEquals(open(workspace.source(), deep).directory(), deep);
  }

  @Test
  public void linksStayInTheStore() throws Exception {
    Path folder = folder("store/a1b2/model");
    Path link = Files.createSymbolicLink(workspace.store().resolve("current"), folder);
    folder("outside/model");
    Path out =
        Files.createSymbolicLink(
            workspace.store().resolve("out"), workspace.root().resolve("outside"));

    assertEquals(open(workspace.source(), link).directory(), folder);
    for (Path leaving : new Path[] {out, out.resolve("model")}) {
      assertEquals(refused(leaving).detail(), Optional.of("a link leads out of the model store"));
    }
  }

  @Test
  public void linkInsideTheFolderLeadsNowhereElse() throws Exception {
    folder("outside/model");
    Path folder = Files.createDirectories(workspace.store().resolve("a1b2"));
    Files.createSymbolicLink(folder.resolve("model"), workspace.root().resolve("outside/model"));

    assertEquals(open(workspace.source(), folder).directory(), folder);
  }

  @Test
  public void storeIsFollowedWhereItIsALinkItself() throws Exception {
    Path folder = folder("store/a1b2/model");
    Path link = Files.createSymbolicLink(workspace.root().resolve("link"), workspace.store());
    StoreModelSource source =
        new StoreModelSource(Optional.of(link), workspace.models(), UnpackLimits.defaults());

    assertEquals(open(source, folder).directory(), folder);
    assertEquals(open(source, link.resolve("a1b2/model")).directory(), folder);
  }

  @Test
  public void foldersOutsideTheStoreAreNotReached() throws Exception {
    Path outside = folder("outside/model");
    Path sibling = folder("store2/model");

    refused(outside);
    refused(sibling);
    refused(workspace.store());
    refused(workspace.store().resolve("../outside/model"));
    refused(Path.of(workspace.store() + "/../store2/model"));
  }

  @Test
  public void hiddenFoldersAreNotModels() throws Exception {
    Path hidden = folder("store/.cache/model");

    assertEquals(refused(hidden).detail(), Optional.of("hidden folders are not models"));
  }
}
