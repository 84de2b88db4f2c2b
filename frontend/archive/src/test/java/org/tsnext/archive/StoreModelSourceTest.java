package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.testng.Reporter;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException.Reason;

/** Which words find a model, in which format, and what goes with it. */
public class StoreModelSourceTest {

  private Workspace workspace;
  private StoreModelSource source;

  @BeforeMethod
  public void makeWorkspace() throws IOException {
    workspace = new Workspace();
    source = workspace.source();
  }

  @AfterMethod(alwaysRun = true)
  public void removeWorkspace() throws IOException {
    workspace.close();
  }

  private byte[] mar() throws IOException {
    return Archives.zip()
        .file("handler.py", "code")
        .file(Archives.MANIFEST, Archives.manifest(", \"handler\": \"handler.py:run\""))
        .bytes();
  }

  private ArchiveException notFound(String url, boolean trusted) {
    ArchiveException e =
        expectThrows(ArchiveException.class, () -> source.open(Workspace.at(url, trusted)));
    assertEquals(e.reason(), Reason.NOT_FOUND);
    return e;
  }

  @Test
  public void marIsUnpackedIntoAPrivateFolderAndRemovedOnRelease() throws Exception {
    workspace.put("m.mar", mar());
    ModelArchive archive = source.open(Workspace.at("m.mar", false));
    assertEquals(archive.url(), "m.mar");
    assertEquals(archive.fileName(), "m.mar");
    assertTrue(archive.temporary());
    assertEquals(Files.readString(archive.directory().resolve("handler.py")), "code");
    assertEquals(archive.manifest().orElseThrow().handler(), Optional.of("handler.py:run"));
    assertEquals(archive.config(), ModelConfig.none());
    assertEquals(archive.directory().getParent(), workspace.models());
    assertTrue(archive.directory().getFileName().toString().matches("[0-9a-f]{32}"));
    for (Path folder : List.of(archive.directory(), workspace.models())) {
      assertEquals(
          PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)), "rwx------");
    }
    source.release(archive);
    assertFalse(Files.exists(archive.directory()));
    assertTrue(Files.exists(workspace.store().resolve("m.mar")));
    source.release(archive);
  }

  @Test
  public void archiveOfManyEntriesIsWithinTheLimits() throws Exception {
    Archives.Zip zip = Archives.zip();
    for (int i = 0; i < 3000; i++) {
      zip.file("assets/some-directory/some-longer-file-name-" + i + ".json", "{}");
    }
    workspace.put("m.mar", zip.bytes());
    UnpackLimits limits = new UnpackLimits(1 << 20, 3002, 100, 250, 1 << 20);
    ModelArchive archive = workspace.source(limits).open(Workspace.at("m.mar", false));
    try (Stream<Path> files = Files.list(archive.directory().resolve("some-directory"))) {
      assertEquals(files.count(), 3000);
    }
    source.release(archive);
    assertFalse(Files.exists(archive.directory()));
  }

  @Test
  public void twoOpeningsOfOneArchiveDoNotMeet() throws Exception {
    workspace.put("m.mar", mar());
    ModelArchive first = source.open(Workspace.at("m.mar", false));
    ModelArchive second = source.open(Workspace.at("m.mar", false));
    assertNotEquals(first.directory(), second.directory());
    source.release(first);
    assertTrue(Files.exists(second.directory().resolve("handler.py")));
  }

  @Test
  public void contentDecidesTheFormatNotTheName() throws Exception {
    byte[] tar = Archives.tar().file("m/" + Archives.MANIFEST, "{\"model\": {}}").bytes();
    workspace.put("tar.mar", tar);
    workspace.put("zip.tar.gz", mar());
    workspace.put("zip.model", mar());
    workspace.put("anything", tar);
    for (String name : List.of("tar.mar", "zip.tar.gz", "zip.model", "anything")) {
      ModelArchive archive = source.open(Workspace.at(name, false));
      assertTrue(archive.manifest().isPresent(), name);
      source.release(archive);
    }
  }

  @Test
  public void onlyACommonRootFolderIsStrippedFromATar() throws Exception {
    workspace.put("rooted.tgz", Archives.tar().file("m/a.py", "a").file("m/lib/b.py", "b").bytes());
    workspace.put("flat.tgz", Archives.tar().file("./a.py", "a").file("./lib/b.py", "b").bytes());
    workspace.put("meta.tgz", Archives.tar().file(Archives.MANIFEST, "{\"model\": {}}").bytes());
    for (String name : List.of("rooted.tgz", "flat.tgz")) {
      Path directory = source.open(Workspace.at(name, false)).directory();
      assertEquals(Files.readString(directory.resolve("a.py")), "a", name);
      assertEquals(Files.readString(directory.resolve("lib/b.py")), "b", name);
    }
    assertTrue(source.open(Workspace.at("meta.tgz", false)).manifest().isPresent());
  }

  @Test
  public void directoryIsUsedInPlaceAndNeverRemoved() throws Exception {
    Path directory = Files.createDirectories(workspace.store().resolve("plain"));
    Files.writeString(directory.resolve("model-config.yaml"), "batchSize: 4");
    ModelArchive archive = source.open(Workspace.at("plain", false));
    assertEquals(archive.directory(), directory);
    assertFalse(archive.temporary());
    assertEquals(archive.manifest(), Optional.empty());
    assertEquals(archive.config().batching().size().getAsInt(), 4);
    source.release(archive);
    assertTrue(Files.exists(directory));
    assertFalse(Files.exists(workspace.models()));
  }

  @Test
  public void directoryThatHoldsOneDirectoryMeansThatOne() throws Exception {
    Path inner = Files.createDirectories(workspace.store().resolve("outer/inner"));
    assertEquals(source.open(Workspace.at("outer", false)).directory(), inner);
    Files.writeString(workspace.store().resolve("outer/other"), "");
    assertEquals(source.open(Workspace.at("outer", false)).directory(), inner.getParent());
  }

  @Test
  public void modelThatIsNotThereIsToldWhatIs() throws Exception {
    Files.createDirectories(workspace.store().resolve("resnet18"));
    Files.createDirectories(workspace.store().resolve("whisper"));
    assertEquals(
        notFound("resnet81.mar", false).detail().orElseThrow(),
        "The model store has resnet18, whisper.");
    assertEquals(
        notFound("resnet_18", false).detail().orElseThrow(),
        "The model store has resnet18, whisper. Did you mean resnet18?");
    assertEquals(
        notFound("whisper.mar", false).detail().orElseThrow(),
        "The model store has resnet18, whisper. Did you mean whisper?");
  }

  @Test
  public void nothingIsFoundByEmptyRelativeOrForeignUrls() {
    assertEquals(notFound("", true).getMessage(), "empty url");
    assertEquals(notFound(" ", false).getMessage(), "empty url");
    assertEquals(
        notFound("../m.mar", true).getMessage(), "Relative path is not allowed in url: ../m.mar");
    assertEquals(notFound("no.mar", false).getMessage(), "Model not found at: no.mar");
    assertEquals(notFound("no.mar", false).detail().orElseThrow(), "The model store is empty.");
    assertEquals(notFound("no\0.mar", true).getMessage(), "Model not found at: no\\u0000.mar");
    for (String url :
        List.of("http://h/m.mar", "HTTPS://h/m.mar", "file:///m.mar", "s3://b/m.mar")) {
      assertEquals(
          notFound(url, true).getMessage(),
          "Given URL " + url + " does not match any allowed URL(s)");
    }
  }

  @Test
  public void withoutAStoreTheApiFindsNothing() throws Exception {
    source = new StoreModelSource(Optional.empty(), workspace.models(), UnpackLimits.defaults());
    assertEquals(notFound("m.mar", false).getMessage(), "Model store has not been configured.");
    Path outside = Files.write(workspace.root().resolve("m.mar"), mar());
    assertTrue(source.open(Workspace.at(outside.toString(), true)).temporary());
    assertEquals(
        expectThrows(ArchiveException.class, source::list).getMessage(),
        "Model store has not been configured.");
  }

  @Test
  public void callersOfTheApiStayInTheStore() throws Exception {
    Path outside = Files.createDirectory(workspace.root().resolve("outside"));
    Files.write(outside.resolve("m.mar"), mar());
    assertEquals(
        notFound(outside.toString(), false).getMessage(), "Model not found at: " + outside);
    assertEquals(source.open(Workspace.at(outside.toString(), true)).directory(), outside);
    // As in 0.12, only the last component counts.
    workspace.put("m.mar", mar());
    source.release(source.open(Workspace.at(outside.resolve("elsewhere/m.mar").toString(), false)));
  }

  @DataProvider
  public Object[][] namesOfTheStoreItself() {
    return new Object[][] {{"."}, {"/"}, {"./"}, {"a/."}, {".hidden"}};
  }

  @Test(dataProvider = "namesOfTheStoreItself")
  public void neitherTheStoreNorHiddenEntriesAreModels(String url) throws Exception {
    Files.createDirectory(workspace.store().resolve(".hidden"));
    assertEquals(notFound(url, false).getMessage(), "Model not found at: " + url);
  }

  @Test
  public void operatorMayPlaceALinkInTheStore() throws Exception {
    Path outside = Files.createDirectory(workspace.root().resolve("outside"));
    Files.writeString(outside.resolve("a.py"), "a");
    Path link = Files.createSymbolicLink(workspace.store().resolve("linked"), outside);
    assertEquals(source.open(Workspace.at("linked", false)).directory(), link);
  }

  @Test
  public void operatorsBareNameMeansTheStoreFirst() throws Exception {
    workspace.put("pom.xml", mar());
    assertTrue(Files.exists(Path.of("pom.xml")), "the test expects to run in its module");
    assertTrue(source.open(Workspace.at("pom.xml", true)).manifest().isPresent());
  }

  @Test
  public void storeThatHasGoneOrIsClosedIsNoModelThatIsMissing() throws Exception {
    Path store = workspace.store();
    Set<PosixFilePermission> open = Files.getPosixFilePermissions(store);
    Files.setPosixFilePermissions(store, PosixFilePermissions.fromString("---------"));
    try {
      if (Files.isReadable(store)) {
        Reporter.log("This user may read everything: a closed store cannot be tried.", true);
      } else {
        ArchiveException closed = failure("m.mar");
        assertEquals(closed.reason(), Reason.IO);
        assertEquals(
            closed.getMessage(), "Cannot read the model store, permission denied: " + store);
      }
    } finally {
      Files.setPosixFilePermissions(store, open);
    }
    Files.delete(store);
    ArchiveException gone = failure("m.mar");
    assertEquals(gone.reason(), Reason.IO);
    assertEquals(gone.getMessage(), "The model store is not there any more: " + store);
    assertEquals(expectThrows(ArchiveException.class, source::list).reason(), Reason.IO);
    Files.createDirectory(store);
  }

  @Test
  public void archiveThatChangesWhileItIsReadIsAWholeModelOrAnErrorThatLeavesNothing()
      throws Exception {
    List<byte[]> archives = new ArrayList<>();
    for (String letter : List.of("a", "b")) {
      // Stored without compression, the same size: only the content tells them apart.
      archives.add(
          Archives.zip()
              .file("handler.py", letter.repeat(200_000))
              .file(Archives.MANIFEST, Archives.manifest(", \"handler\": \"handler.py:run\""))
              .bytes());
    }
    workspace.put("m.mar", archives.get(0));
    AtomicBoolean stop = new AtomicBoolean();
    CompletableFuture<Void> copying =
        CompletableFuture.runAsync(
            () -> {
              for (int i = 0; !stop.get(); i++) {
                try {
                  Files.deleteIfExists(workspace.store().resolve("m.mar"));
                  workspace.put("m.mar", archives.get(i % 2));
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
            });
    int whole = 0;
    for (int i = 0; i < 300 || whole == 0; i++) {
      try {
        ModelArchive archive = source.open(Workspace.at("m.mar", false));
        String code = Files.readString(archive.directory().resolve("handler.py"));
        assertEquals(code.length(), 200_000);
        assertEquals(code.chars().distinct().count(), 1, "of one archive");
        source.release(archive);
        whole++;
      } catch (ArchiveException e) {
        assertTrue(e.reason() == Reason.NOT_FOUND || e.reason() == Reason.INVALID, e.toString());
      }
    }
    stop.set(true);
    copying.join();
    try (Stream<Path> left = Files.list(workspace.models())) {
      assertEquals(left.toList(), List.of());
    }
  }

  private ArchiveException failure(String url) {
    return expectThrows(ArchiveException.class, () -> source.open(Workspace.at(url, false)));
  }

  @Test
  public void listNamesEveryModelSorted() throws Exception {
    for (String name : List.of("b.mar", "a.tar.gz", "c.tgz", "d.model", "notes.txt", ".e.mar")) {
      workspace.put(name, new byte[0]);
    }
    Files.createDirectory(workspace.store().resolve("dir"));
    Files.createDirectory(workspace.store().resolve(".git"));
    assertEquals(source.list(), List.of("a.tar.gz", "b.mar", "c.tgz", "d.model", "dir"));
  }

  @Test
  public void brokenManifestOrConfigurationLeavesNothingUnpacked() throws Exception {
    workspace.put("m.mar", Archives.zip().file(Archives.MANIFEST, "{\"model\":").bytes());
    assertTrue(workspace.invalid("m.mar").startsWith("MAR-INF/MANIFEST.json is not valid JSON"));
    workspace.put("c.mar", Archives.zip().file("model-config.yaml", "batchSize: x").bytes());
    assertTrue(workspace.invalid("c.mar").startsWith("model-config.yaml: batchSize is 'x'"));
  }

  @Test
  public void releaseRemovesLinksNotWhatTheyPointTo() throws Exception {
    workspace.put("m.mar", mar());
    ModelArchive archive = source.open(Workspace.at("m.mar", false));
    Path outside = Files.createDirectory(workspace.root().resolve("outside"));
    Files.writeString(outside.resolve("keep"), "");
    Files.createSymbolicLink(archive.directory().resolve("link"), outside);
    source.release(archive);
    assertFalse(Files.exists(archive.directory()));
    assertTrue(Files.exists(outside.resolve("keep")));
  }

  @Test
  public void releaseRemovesNothingThatItDidNotMake() throws Exception {
    Path foreign = Files.createDirectory(workspace.root().resolve("foreign"));
    source.release(new ModelArchive("x", "x", foreign, Optional.empty(), ModelConfig.none(), true));
    assertTrue(Files.exists(foreign));
  }
}
