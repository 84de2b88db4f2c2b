package org.tsnext.core.worker;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.tsnext.archive.ModelArchive;

/**
 * Prepares the Python packages a model asks for. Calls block, for minutes perhaps; none is made on
 * an event loop.
 */
public interface ModelEnvironment {

  /**
   * Installs what the model's requirements file names, if the server is configured to do so. An
   * interrupt ends it.
   *
   * @param progress takes lines that tell how far it is, without secrets, from any thread
   * @throws org.tsnext.core.error.ServingException of kind {@code MODEL_SETUP_FAILED} with pip's
   *     error as detail
   */
  Prepared prepare(String modelName, ModelArchive archive, Consumer<String> progress);

  /** Removes what {@link #prepare} made. */
  void release(Prepared prepared);

  /**
   * What workers of the model need.
   *
   * @param interpreter of the model's own virtual environment, if it has one
   * @param pythonPath folders with installed packages
   */
  record Prepared(Optional<Path> interpreter, List<Path> pythonPath) {

    /** Nothing to prepare. */
    public static final Prepared NOTHING = new Prepared(Optional.empty(), List.of());

    public Prepared {
      pythonPath = List.copyOf(pythonPath);
    }

    /** Whether workers need a fresh interpreter, since the zygote's modules would shadow these. */
    public boolean needsSpawn() {
      return interpreter.isPresent() || !pythonPath.isEmpty();
    }
  }
}
