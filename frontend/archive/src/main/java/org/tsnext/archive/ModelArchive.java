package org.tsnext.archive;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * A model's files, ready to be used by workers.
 *
 * @param url what the caller asked for, without secrets
 * @param fileName the last segment of what was asked for
 * @param directory absolute folder with the model's files; for a directory model the directory
 *     itself
 * @param manifest empty if there is no MANIFEST.json
 * @param config the frontend's part of model-config.yaml, {@link ModelConfig#none()} without one
 * @param temporary whether {@code directory} was made by unpacking and goes with the model
 */
public record ModelArchive(
    String url,
    String fileName,
    Path directory,
    Optional<Manifest> manifest,
    ModelConfig config,
    boolean temporary) {

  public ModelArchive {
    Objects.requireNonNull(url, "url");
    Objects.requireNonNull(fileName, "fileName");
    Objects.requireNonNull(directory, "directory");
    Objects.requireNonNull(manifest, "manifest");
    Objects.requireNonNull(config, "config");
  }

  /** The same files under another URL. */
  public ModelArchive withUrl(String shown) {
    return new ModelArchive(shown, fileName, directory, manifest, config, temporary);
  }
}
