package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.tsnext.archive.ArchiveException.Reason;

/** A model store and a temporary folder, side by side in one folder that is watched. */
public final class Workspace implements AutoCloseable {

  private final Path root;
  private final Path store;
  private final Path temporary;

  public Workspace() throws IOException {
    root = Files.createTempDirectory("tsnext-archive-test").toRealPath();
    store = Files.createDirectory(root.resolve("store"));
    temporary = Files.createDirectory(root.resolve("tmp"));
  }

  public Path root() {
    return root;
  }

  public Path store() {
    return store;
  }

  public Path models() {
    return temporary.resolve("models");
  }

  public StoreModelSource source() {
    return source(UnpackLimits.defaults());
  }

  StoreModelSource source(UnpackLimits limits) {
    return new StoreModelSource(Optional.of(store), temporary, limits);
  }

  /** A location as the operator or a caller of the API names it. */
  public static ModelLocation at(String url, boolean trusted) {
    return new ModelLocation(url, Optional.empty(), trusted, false);
  }

  /** Puts {@code bytes} into the store. */
  public Path put(String name, byte[] bytes) throws IOException {
    return Files.write(store.resolve(name), bytes);
  }

  /** Everything below the root but the (empty) folder that models are unpacked into. */
  public List<Path> contents() throws IOException {
    try (Stream<Path> paths = Files.walk(root)) {
      return paths.filter(path -> !path.equals(models())).sorted().toList();
    }
  }

  /** Opens the archive, which must be refused with nothing written anywhere. */
  ArchiveException refusal(String url, UnpackLimits limits) throws IOException {
    List<Path> before = contents();
    ArchiveException e =
        expectThrows(ArchiveException.class, () -> source(limits).open(at(url, false)));
    assertEquals(contents(), before, "left on disk after: " + e.getMessage());
    return e;
  }

  /** The message of a refusal as invalid, with nothing written anywhere. */
  String invalid(String url) throws IOException {
    ArchiveException e = refusal(url, UnpackLimits.defaults());
    assertEquals(e.reason(), Reason.INVALID, e.getMessage());
    return e.getMessage();
  }

  @Override
  public void close() throws IOException {
    FileTree.delete(root);
  }
}
