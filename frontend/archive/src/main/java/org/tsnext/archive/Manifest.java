package org.tsnext.archive;

import java.util.Objects;
import java.util.Optional;

/**
 * What {@code MAR-INF/MANIFEST.json} says of a model. Unknown fields are ignored; absent ones are
 * empty.
 *
 * @param runtime {@code python}, {@code python3} or {@code LSP}; {@code python} if absent
 */
public record Manifest(
    Optional<String> modelName,
    Optional<String> modelVersion,
    Optional<String> handler,
    Optional<String> serializedFile,
    Optional<String> modelFile,
    Optional<String> requirementsFile,
    Optional<String> configFile,
    Optional<String> envelope,
    String runtime) {

  public Manifest {
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(modelVersion, "modelVersion");
    Objects.requireNonNull(handler, "handler");
    Objects.requireNonNull(serializedFile, "serializedFile");
    Objects.requireNonNull(modelFile, "modelFile");
    Objects.requireNonNull(requirementsFile, "requirementsFile");
    Objects.requireNonNull(configFile, "configFile");
    Objects.requireNonNull(envelope, "envelope");
    Objects.requireNonNull(runtime, "runtime");
  }
}
