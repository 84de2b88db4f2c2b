package org.tsnext.server.settings;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What there is in the Python package {@code ts}, ours or put there by a user.
 *
 * @param home the folder above it
 */
public record PythonFiles(Path home) {
  private static final Path HANDLERS = Path.of("ts", "torch_handler");
  private static final Path ENVELOPES = HANDLERS.resolve("request_envelope");

  /** Whether there is a default handler of that name. */
  public boolean hasDefaultHandler(String module) {
    return hasModule(home.resolve(HANDLERS), module);
  }

  /** Whether there is a request envelope of that name. */
  public boolean hasEnvelope(String module) {
    return hasModule(envelopes(), module);
  }

  /** Where request envelopes are. */
  public Path envelopes() {
    return home.resolve(ENVELOPES);
  }

  /** Whether Python finds a module, such as {@code package.module}, in a folder of its path. */
  public static boolean hasModule(Path folder, String module) {
    Path path = folder;
    for (String part : module.split("\\.", -1)) {
      path = path.resolve(part);
    }
    return Files.isRegularFile(path.resolveSibling(path.getFileName() + ".py"))
        || Files.isDirectory(path);
  }
}
