package org.tsnext.worker;

import java.nio.file.Path;
import java.time.Duration;
import org.tsnext.archive.ModelArchive;
import org.tsnext.core.worker.ModelEnvironment;

/**
 * Installs a model's requirements with pip: into a private folder, or into a virtual environment of
 * the model's own where its configuration says {@code useVenv}.
 */
public final class PipModelEnvironment implements ModelEnvironment {

  /**
   * @param python the server's interpreter
   * @param installRequirements {@code install_py_dep_per_model}
   * @param temporaryDirectory for models whose own folder is not ours to write beside
   * @param timeout for each command
   */
  public PipModelEnvironment(
      String python,
      boolean installRequirements,
      ProcessEnvironment environment,
      Path temporaryDirectory,
      Duration timeout) {}

  @Override
  public Prepared prepare(String modelName, ModelArchive archive) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void release(Prepared prepared) {
    throw new UnsupportedOperationException();
  }
}
