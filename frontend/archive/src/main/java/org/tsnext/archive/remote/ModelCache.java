package org.tsnext.archive.remote;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Downloaded archives in a private folder, each under the SHA-256 of its bytes: once, however many
 * models are made of it, and until the last of them goes. Thread-safe.
 */
final class ModelCache {

  private static final Logger LOGGER = LoggerFactory.getLogger(ModelCache.class);

  private final Path folder;
  private final Map<String, Integer> uses = new HashMap<>();

  /**
   * @param folder made (0700) when it is needed
   */
  ModelCache(Path folder) {
    this.folder = folder;
  }

  /** A file for a download to grow in. */
  StagedFile stage(long maxBytes) throws IOException {
    Files.createDirectories(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    return StagedFile.create(folder.resolve(UUID.randomUUID() + ".partial"), maxBytes);
  }

  /** Counts a use of an archive that is here already. */
  synchronized Optional<Path> acquire(String sha256) {
    if (!uses.containsKey(sha256)) {
      return Optional.empty();
    }
    uses.merge(sha256, 1, Integer::sum);
    return Optional.of(folder.resolve(sha256));
  }

  /** Takes a complete download in, or leaves it be if the same bytes are here, and counts a use. */
  synchronized Path add(StagedFile file, String sha256) throws IOException {
    Path place = folder.resolve(sha256);
    if (!uses.containsKey(sha256)) {
      Files.move(file.path(), place, StandardCopyOption.ATOMIC_MOVE);
    }
    uses.merge(sha256, 1, Integer::sum);
    return place;
  }

  /** Ends one use; the last one removes the archive. */
  synchronized void release(String sha256) {
    if (uses.merge(sha256, -1, Integer::sum) > 0) {
      return;
    }
    uses.remove(sha256);
    try {
      Files.deleteIfExists(folder.resolve(sha256));
    } catch (IOException e) {
      LOGGER.warn("Cannot remove the downloaded archive {}: {}", sha256, e.toString());
    }
  }
}
