package org.tsnext.archive;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * Folders somewhere below the model store, named by their whole path: SageMaker's endpoints with
 * many models have {@code /} as the store and register {@code /opt/ml/models/<id>/model}.
 */
final class StoreFolder {

  private StoreFolder() {}

  /**
   * Returns the real path of the folder that {@code url} names; empty if it names none below the
   * store. Links are followed as long as they stay in the store.
   *
   * @throws ArchiveException if a link leads out of the store, or the folder is hidden
   */
  static Optional<Path> named(Path store, String url) throws ArchiveException {
    Path path;
    Path real;
    Path realStore;
    try {
      path = Path.of(url);
      if (!path.isAbsolute() || !Files.isDirectory(path)) {
        return Optional.empty();
      }
      real = path.toRealPath();
      realStore = store.toRealPath();
    } catch (InvalidPathException | IOException e) {
      return Optional.empty();
    }
    if (!real.startsWith(realStore)) {
      if (path.startsWith(store)) {
        throw refused(url, "a link leads out of the model store");
      }
      return Optional.empty();
    }
    if (real.equals(realStore)) {
      return Optional.empty();
    }
    for (Path part : realStore.relativize(real)) {
      if (part.toString().startsWith(".")) {
        throw refused(url, "hidden folders are not models");
      }
    }
    return Optional.of(real);
  }

  private static ArchiveException refused(String url, String why) {
    return new ArchiveException(Reason.NOT_FOUND, "Model not found at: " + PrintableText.of(url))
        .withDetail(why);
  }
}
