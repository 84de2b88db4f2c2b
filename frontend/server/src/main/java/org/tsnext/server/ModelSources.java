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
 * Opens where models and workflows come from.
 *
 * @param downloads where fetched archives are kept, this server's own
 */
record ModelSources(
    Settings settings,
    ModuleSettings modules,
    Map<String, String> environment,
    TemporaryFolders folders,
    Path downloads,
    ClosingStack parts) {

  /**
   * Makes the folder for what is fetched, if the settings name a place for it.
   *
   * @param environment the process's own
   */
  static ModelSources of(
      Settings settings,
      ModuleSettings modules,
      Map<String, String> environment,
      TemporaryFolders folders,
      ClosingStack parts)
      throws StartException {
    Optional<Path> cacheParent = settings.find(SourceKeys.MODEL_CACHE);
    Path downloads =
        cacheParent.isPresent()
            ? TemporaryFolders.makePrivate(
                cacheParent.get(), "model_cache", "set model_cache to a directory", parts)
            : folders.models().resolve("downloads");
    return new ModelSources(settings, modules, environment, folders, downloads, parts);
  }

  /** The model store, and URLs. */
  ModelSource ofModels() {
    return open(settings.find(ModelKeys.MODEL_STORE), folders.models(), downloads);
  }

  /** The workflow store, which is the model store if nothing else is set, and URLs. */
  ModelSource ofWorkflows() {
    return open(
        settings.find(ModelKeys.WORKFLOW_STORE).or(() -> settings.find(ModelKeys.MODEL_STORE)),
        folders.models().resolve("workflows"),
        downloads.resolve("workflows"));
  }

  /**
   * @param folder below which archives are unpacked
   */
  private ModelSource open(Optional<Path> store, Path folder, Path cache) {
    return parts.add(
        "downloads",
        new UrlModelSource(
            new StoreModelSource(store, folder, modules.unpackLimits()),
            modules.remote(cache, environment),
            Clock.system()::nanoTime));
  }
}
