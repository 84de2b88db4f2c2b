package org.tsnext.core.testing;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;

/** A model store in memory. Counts what is open, so that tests can tell what was left behind. */
public final class FakeModelSource implements ModelSource {

  private final Map<String, ModelArchive> archives = new LinkedHashMap<>();
  private final List<ModelArchive> open = new ArrayList<>();

  /** Adds an archive whose manifest has these values. */
  public synchronized FakeModelSource add(
      String url, String name, String version, ModelConfig config) {
    return add(url, Optional.of(manifest(name, version)), config);
  }

  public synchronized FakeModelSource add(
      String url, Optional<Manifest> manifest, ModelConfig config) {
    archives.put(url, new ModelArchive(url, url, Path.of("/models", url), manifest, config, true));
    return this;
  }

  /** Adds a folder that is there. */
  public synchronized FakeModelSource addFolder(Path folder, String name, String version) {
    String url = folder.toString();
    archives.put(
        url,
        new ModelArchive(
            url, url, folder, Optional.of(manifest(name, version)), ModelConfig.none(), false));
    return this;
  }

  /** A manifest with a handler and nothing special. */
  public static Manifest manifest(String name, String version) {
    return new Manifest(
        Optional.of(name),
        Optional.of(version),
        Optional.of("handler.py"),
        Optional.empty(),
        "python",
        new Manifest.NamedFiles(
            Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty()));
  }

  /** How many archives were opened and not released. */
  public synchronized int openCount() {
    return open.size();
  }

  @Override
  public synchronized ModelArchive open(ModelLocation location) throws ArchiveException {
    String url = location.text();
    ModelArchive archive = archives.get(url);
    if (archive == null) {
      throw new ArchiveException(ArchiveException.Reason.NOT_FOUND, "Model not found at: " + url);
    }
    open.add(archive);
    return archive;
  }

  @Override
  public synchronized void release(ModelArchive archive) {
    if (!open.remove(archive)) {
      throw new IllegalStateException("Released twice: " + archive.url());
    }
  }

  @Override
  public synchronized List<String> list() {
    return List.copyOf(archives.keySet());
  }
}
