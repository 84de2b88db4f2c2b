package org.tsnext.server.check;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.server.settings.PythonFiles;

/** Finds what handlers name, without Python: no code of a model runs. */
final class HandlerFiles {
  private final Optional<PythonFiles> python;

  /** Folders of Python's path, as far as they are known without it. */
  private final List<Path> path = new ArrayList<>();

  /**
   * @param home the folder above the package {@code ts}; empty if it is not known
   * @param environment the server's own
   */
  HandlerFiles(Optional<Path> home, Map<String, String> environment) {
    this.python = home.map(PythonFiles::new);
    home.ifPresent(path::add);
    Arrays.stream(environment.getOrDefault("PYTHONPATH", "").split(File.pathSeparator))
        .filter(folder -> !folder.isBlank())
        .map(Path::of)
        .forEach(path::add);
  }

  /** Whether a handler is a default one rather than the model's own. */
  boolean isDefault(Path model, String handler) {
    String module = module(handler);
    return !PythonFiles.hasModule(model, module)
        && python.filter(files -> files.hasDefaultHandler(module)).isPresent();
  }

  /** Whether the module or file of a handler is there. */
  boolean has(Path model, String handler) {
    String module = module(handler);
    try {
      return module.isEmpty()
          || Files.isRegularFile(model.resolve(file(handler)))
          || PythonFiles.hasModule(model, module)
          || isDefault(model, handler)
          || path.stream().anyMatch(folder -> PythonFiles.hasModule(folder, module));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /** Whether there is such an envelope, as far as it can be told. */
  boolean hasEnvelope(String envelope) {
    String module =
        envelope.endsWith(".py") ? envelope.substring(0, envelope.length() - 3) : envelope;
    return python.isEmpty() || python.get().hasEnvelope(module);
  }

  private static String file(String handler) {
    int colon = handler.indexOf(':');
    return colon < 0 ? handler : handler.substring(0, colon);
  }

  /** As workers read it: the last part of a path, without {@code .py}. */
  private static String module(String handler) {
    String file = file(handler).replace('\\', '/');
    String name = file.substring(file.lastIndexOf('/') + 1);
    return name.endsWith(".py") ? name.substring(0, name.length() - 3) : name;
  }
}
