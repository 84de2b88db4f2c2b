package org.tsnext.archive;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * Models in the model store, a folder that is only read. The operator may also name archives and
 * directories anywhere on the machine. Thread-safe.
 */
public final class StoreModelSource implements ModelSource {

  private static final Logger LOGGER = LoggerFactory.getLogger(StoreModelSource.class);
  private static final Pattern URL = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*", Pattern.DOTALL);
  private static final List<String> ARCHIVE_NAMES = List.of(".mar", ".model", ".tar.gz", ".tgz");

  private final Optional<Path> modelStore;
  private final Unpacker unpacker;
  private final ManifestReader manifests = new ManifestReader();
  private final ModelConfigReader configs = new ModelConfigReader();

  /**
   * @param modelStore folder with archives and model directories; empty if none is configured
   * @param temporaryDirectory the server's own; archives are unpacked below its {@code models}
   */
  public StoreModelSource(Optional<Path> modelStore, Path temporaryDirectory, UnpackLimits limits) {
    this.modelStore = modelStore.map(Path::toAbsolutePath);
    this.unpacker =
        new Unpacker(
            temporaryDirectory.toAbsolutePath().normalize().resolve("models"),
            Objects.requireNonNull(limits, "limits"));
  }

  @Override
  public ModelArchive open(String url, boolean trusted) throws ArchiveException {
    checkUrl(url);
    Path source = locate(url, trusted);
    if (!Files.isReadable(source)) {
      throw new ArchiveException(Reason.IO, "Cannot read the model, permission denied: " + url);
    }
    if (Files.isDirectory(source)) {
      return read(url, modelRoot(source), false);
    }
    Path unpacked = unpacker.unpack(source);
    try {
      return read(url, unpacked, true);
    } catch (ArchiveException | RuntimeException e) {
      unpacker.remove(unpacked);
      throw e;
    }
  }

  @Override
  public void release(ModelArchive archive) {
    if (archive.temporary()) {
      unpacker.remove(archive.directory());
    }
  }

  @Override
  public List<String> list() throws ArchiveException {
    Path store = requireStore();
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(store)) {
      for (Path entry : entries) {
        String name = entry.getFileName().toString();
        boolean archive = ARCHIVE_NAMES.stream().anyMatch(name::endsWith);
        if (!name.startsWith(".")
            && (Files.isDirectory(entry) || (archive && Files.isRegularFile(entry)))) {
          names.add(name);
        }
      }
    } catch (IOException e) {
      throw new ArchiveException(Reason.IO, "Cannot list the model store " + store + ": " + e, e);
    }
    Collections.sort(names);
    return List.copyOf(names);
  }

  private static void checkUrl(String url) throws ArchiveException {
    if (url == null || url.isBlank()) {
      throw notFound("empty url");
    }
    String shown = PrintableText.of(url);
    if (url.contains("..")) {
      throw notFound("Relative path is not allowed in url: " + shown);
    }
    if (URL.matcher(url).matches()) {
      throw notFound(
          "Given URL "
              + shown
              + " does not match any allowed URL(s): this version does not fetch"
              + " models, so allowed_urls has no effect. Put the archive into the model store and"
              + " give its file name");
    }
  }

  /** Finds the file or directory that {@code url} means. */
  private Path locate(String url, boolean trusted) throws ArchiveException {
    if (trusted) {
      Optional<Path> named = operatorsPath(url);
      if (named.isPresent()) {
        return named.get();
      }
    }
    Path store = requireStore();
    String name = ModelNames.lastSegment(url);
    // A dot alone would be the store itself, and hidden files are not models.
    if (!name.isEmpty() && !name.startsWith(".")) {
      Optional<Path> entry = existing(store, name);
      if (entry.isPresent()) {
        return entry.get();
      }
    }
    throw notFound("Model not found at: " + PrintableText.of(url));
  }

  /** A path the operator gave; a bare name means the store's entry first. */
  private Optional<Path> operatorsPath(String url) {
    boolean bareName = url.indexOf('/') < 0;
    if (bareName && modelStore.isPresent() && existing(modelStore.get(), url).isPresent()) {
      return Optional.empty();
    }
    return existing(Path.of(""), url).map(Path::toAbsolutePath);
  }

  private static Optional<Path> existing(Path folder, String name) {
    Path path;
    try {
      path = folder.resolve(name);
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
    return Files.isRegularFile(path) || Files.isDirectory(path)
        ? Optional.of(path)
        : Optional.empty();
  }

  private static Path modelRoot(Path directory) throws ArchiveException {
    try {
      return Unpacker.modelRoot(directory.toAbsolutePath().normalize());
    } catch (IOException e) {
      throw new ArchiveException(
          Reason.IO, "Cannot read the model directory " + directory + ": " + e, e);
    }
  }

  private ModelArchive read(String url, Path directory, boolean temporary) throws ArchiveException {
    Optional<Manifest> manifest = manifests.read(directory);
    ModelConfig config = configs.read(directory, manifest);
    for (String warning : ModelConfigKeys.warningsFor(config)) {
      LOGGER.warn("Model {}: {}", PrintableText.of(url), warning);
    }
    return new ModelArchive(
        url, ModelNames.lastSegment(url), directory, manifest, config, temporary);
  }

  private Path requireStore() throws ArchiveException {
    return modelStore.orElseThrow(() -> notFound("Model store has not been configured."));
  }

  private static ArchiveException notFound(String message) {
    return new ArchiveException(Reason.NOT_FOUND, message);
  }
}
