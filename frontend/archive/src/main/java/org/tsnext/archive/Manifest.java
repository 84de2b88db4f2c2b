package org.tsnext.archive;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * What {@code MAR-INF/MANIFEST.json} says of a model. Unknown fields are ignored; absent ones are
 * empty.
 *
 * @param runtime as it stands in the file, {@code python} if absent; a registration may name
 *     another, so {@link #isRuntime} is to be asked after that
 */
public record Manifest(
    Optional<String> modelName,
    Optional<String> modelVersion,
    Optional<String> handler,
    Optional<String> envelope,
    String runtime,
    NamedFiles files) {

  /** The files that the manifest names, within the model's folder. */
  public record NamedFiles(
      Optional<String> serializedFile,
      Optional<String> modelFile,
      Optional<String> requirementsFile,
      Optional<String> configFile) {

    public NamedFiles {
      Objects.requireNonNull(serializedFile, "serializedFile");
      Objects.requireNonNull(modelFile, "modelFile");
      Objects.requireNonNull(requirementsFile, "requirementsFile");
      Objects.requireNonNull(configFile, "configFile");
    }
  }

  private static final Set<String> RUNTIMES = Set.of("python", "python3", "LSP");

  /** Whether {@code word} names a runtime, exactly so: {@code python}, {@code python3}, LSP. */
  public static boolean isRuntime(String word) {
    return RUNTIMES.contains(word);
  }

  public Manifest {
    Objects.requireNonNull(modelName, "modelName");
    Objects.requireNonNull(modelVersion, "modelVersion");
    Objects.requireNonNull(handler, "handler");
    Objects.requireNonNull(envelope, "envelope");
    Objects.requireNonNull(runtime, "runtime");
    Objects.requireNonNull(files, "files");
  }
}
