package org.tsnext.server;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.tsnext.archive.ModelSource;
import org.tsnext.archive.StoreModelSource;
import org.tsnext.archive.remote.UrlModelSource;
import org.tsnext.core.time.Clock;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.lifecycle.TemporaryFolders;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SourceKeys;

/**
 * Where models and workflows come from: a store each, and the same URLs.
 *
 * @param workflows whose store is the model store if no other is set
 */
record ModelSources(ModelSource models, ModelSource workflows) {

  /**
   * Opens both.
   *
   * @param environment the process's own
   */
  static ModelSources open(
      Settings settings,
      ModuleSettings modules,
      Map<String, String> environment,
      TemporaryFolders folders,
      ClosingStack parts)
      throws StartException {
    Optional<Path> modelStore = settings.find(ModelKeys.MODEL_STORE);
    Optional<Path> cacheParent = settings.find(SourceKeys.MODEL_CACHE);
    Path cache =
        cacheParent.isPresent()
            ? TemporaryFolders.makePrivate(
                cacheParent.get(), "model_cache", "set model_cache to a directory", parts)
            : folders.models().resolve("downloads");
    UrlModelSource models =
        parts.add(
            "downloads",
            new UrlModelSource(
                new StoreModelSource(modelStore, folders.models(), modules.unpackLimits()),
                modules.remote(cache, environment),
                Clock.system()::nanoTime));
    return new ModelSources(
        models,
        models.withStore(
            new StoreModelSource(
                settings.find(ModelKeys.WORKFLOW_STORE).or(() -> modelStore),
                folders.models().resolve("workflows"),
                modules.unpackLimits())));
  }
}
