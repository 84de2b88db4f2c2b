package org.tsnext.server;

import java.nio.file.Path;
import java.util.Map;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.ServingCore;
import org.tsnext.core.model.LoadMemory;
import org.tsnext.core.worker.ModelEnvironment;
import org.tsnext.server.metrics.ContainerMemory;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SourceKeys;
import org.tsnext.worker.environment.PipModelEnvironment;

/** What a model needs before its workers start: its files, its Python packages, and memory. */
final class ModelFilesWiring {

  private ModelFilesWiring() {}

  /**
   * Puts it together.
   *
   * @param environment the process's own
   */
  static ServingCore.ModelFiles of(
      Settings settings,
      Map<String, String> environment,
      ServerResources resources,
      ModelSource source) {
    return new ServingCore.ModelFiles(
        source, modelEnvironment(settings, resources), loadMemory(settings, environment));
  }

  private static LoadMemory loadMemory(Settings settings, Map<String, String> environment) {
    double factor =
        settings
            .get(ModelKeys.MODEL_MEMORY_FACTOR)
            .orElse(SageMaker.of(environment).memoryFactor());
    return new LoadMemory(factor, new ContainerMemory(Path.of("/")));
  }

  private static ModelEnvironment modelEnvironment(Settings settings, ServerResources resources) {
    return new PipModelEnvironment(
        settings.get(ServerKeys.PYTHON),
        settings.get(ModelKeys.INSTALL_PY_DEP_PER_MODEL),
        resources.processEnvironment(),
        settings
            .find(SourceKeys.DEPENDENCY_CACHE)
            .orElse(resources.folders().models().resolve("environments")),
        settings.isSet(SourceKeys.DEPENDENCY_CACHE),
        settings.get(SourceKeys.DEPENDENCY_INSTALL_TIMEOUT));
  }
}
