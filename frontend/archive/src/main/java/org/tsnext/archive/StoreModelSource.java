package org.tsnext.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessMode;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * Models in the model store, a folder that is only read. The operator may also name archives and
 * directories anywhere on the machine. Thread-safe.
 */
public final class StoreModelSource implements ModelSource {

  private static final Logger LOGGER = LoggerFactory.getLogger(StoreModelSource.class);

  /** Names in an error. */
  private static final int MAX_SHOWN = 10;

  private static final int MAX_COMPARED = 1000;

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
  public ModelArchive open(ModelLocation location) throws ArchiveException {
    checkUrl(location);
    return openPath(
        location,
        locate(location.text(), location.trusted()),
        ModelNames.lastSegment(location.text()));
  }

  /**
   * Opens an archive or a model directory that has been found.
   *
   * @param fileName what the model is called after, if nothing else names it
   * @throws ArchiveException with nothing left on disk
   */
  public ModelArchive openPath(ModelLocation location, Path source, String fileName)
      throws ArchiveException {
    String shown = location.shown();
    requireReadable(source, shown);
    if (location.sha256().isPresent()) {
      requireDigest(source, location.sha256().get(), shown);
    }
    if (Files.isDirectory(source)) {
      return read(location.publicText(), fileName, modelRoot(source), false);
    }
    Path unpacked = unpacker.unpack(source);
    try {
      return read(location.publicText(), fileName, unpacked, true);
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
    } catch (IOException | DirectoryIteratorException e) {
      throw new ArchiveException(Reason.IO, "Cannot list the model store " + store + ": " + e, e);
    }
    Collections.sort(names);
    return List.copyOf(names);
  }

  private static void checkUrl(ModelLocation location) throws ArchiveException {
    if (location.text().isBlank()) {
      throw notFound("empty url");
    }
    if (location.text().contains("..")) {
      throw notFound("Relative path is not allowed in url: " + location.shown());
    }
    if (location.isUrl()) {
      throw notFound("Given URL " + location.shown() + " does not match any allowed URL(s)");
    }
  }

  private static void requireReadable(Path source, String shown) throws ArchiveException {
    try {
      source.getFileSystem().provider().checkAccess(source, AccessMode.READ);
    } catch (NoSuchFileException e) {
      throw notFound("The model has gone while it was opened: " + shown);
    } catch (IOException e) {
      throw new ArchiveException(
          Reason.IO, "Cannot read the model, permission denied: " + shown, e);
    }
  }

  private static void requireDigest(Path source, String expected, String shown)
      throws ArchiveException {
    if (Files.isDirectory(source)) {
      throw new ArchiveException(
          Reason.INVALID, "A directory has no SHA-256 to compare, expected an archive: " + shown);
    }
    String found;
    try (InputStream in = Files.newInputStream(source)) {
      found = Sha256.hexOf(in);
    } catch (NoSuchFileException e) {
      throw notFound("The model has gone while it was opened: " + shown);
    } catch (IOException e) {
      throw new ArchiveException(Reason.IO, "Cannot read the archive: " + e, e);
    }
    if (!found.equals(expected)) {
      throw new ArchiveException(
          Reason.INVALID, "The SHA-256 of " + shown + " is " + found + ", expected " + expected);
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
    Optional<Path> folder = StoreFolder.named(store, url);
    if (folder.isPresent()) {
      return folder.get();
    }
    String name = ModelNames.lastSegment(url);
    // A dot alone would be the store itself, and hidden files are not models.
    if (!name.isEmpty() && !name.startsWith(".")) {
      Optional<Path> entry = existing(store, name);
      if (entry.isEmpty() && trusted) {
        entry = existing(store, name + ".mar");
      }
      if (entry.isPresent()) {
        return entry.get();
      }
    }
    requireUsable(store);
    throw notFound("Model not found at: " + PrintableText.of(url)).withDetail(instead(name));
  }

  /** What the store has, and which of it was likely meant. */
  private String instead(String wanted) throws ArchiveException {
    List<String> names = list();
    if (names.isEmpty()) {
      return "The model store is empty.";
    }
    String shown = String.join(", ", names.subList(0, Math.min(MAX_SHOWN, names.size())));
    int more = names.size() - MAX_SHOWN;
    return "The model store has "
        + PrintableText.of(shown)
        + (more > 0 ? " and " + more + " more." : ".")
        + nearest(wanted, names)
            .map(near -> " Did you mean " + PrintableText.of(near) + "?")
            .orElse("");
  }

  private static Optional<String> nearest(String wanted, List<String> names) {
    return names.stream()
        .filter(name -> ModelNames.fromUrl(name).equals(ModelNames.fromUrl(wanted)))
        .findFirst()
        .or(() -> Spelling.nearest(wanted, names.subList(0, Math.min(MAX_COMPARED, names.size()))));
  }

  /** A store that is not there, or closed to this user, has no models that could be missing. */
  private static void requireUsable(Path store) throws ArchiveException {
    if (!Files.isDirectory(store)) {
      throw new ArchiveException(Reason.IO, "The model store is not there any more: " + store);
    }
    if (!Files.isReadable(store) || !Files.isExecutable(store)) {
      throw new ArchiveException(
          Reason.IO, "Cannot read the model store, permission denied: " + store);
    }
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

  private ModelArchive read(String url, String fileName, Path directory, boolean temporary)
      throws ArchiveException {
    Optional<Manifest> manifest = manifests.read(directory);
    ModelConfig config = configs.read(directory, manifest);
    for (String warning : ModelConfigWarnings.of(config)) {
      LOGGER.warn("Model {}: {}", PrintableText.of(url), warning);
    }
    List<String> own = ModelConfigWarnings.keysOfTheHandler(config);
    if (!own.isEmpty()) {
      LOGGER.info("Model {}: keys for the handler alone: {}", PrintableText.of(url), own);
    }
    return new ModelArchive(url, fileName, directory, manifest, config, temporary);
  }

  private Path requireStore() throws ArchiveException {
    return modelStore.orElseThrow(() -> notFound("Model store has not been configured."));
  }

  private static ArchiveException notFound(String message) {
    return new ArchiveException(Reason.NOT_FOUND, message);
  }
}
