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

/** Opens where models and workflows come from. */
record ModelSources(
    Settings settings,
    ModuleSettings modules,
    Map<String, String> environment,
    TemporaryFolders folders,
    ClosingStack parts) {

  /** The model store, and URLs. */
  ModelSource ofModels() throws StartException {
    return open(settings.find(ModelKeys.MODEL_STORE), folders.models());
  }

  /** The workflow store, which is the model store if nothing else is set, and URLs. */
  ModelSource ofWorkflows() throws StartException {
    return open(
        settings.find(ModelKeys.WORKFLOW_STORE).or(() -> settings.find(ModelKeys.MODEL_STORE)),
        folders.models().resolve("workflows"));
  }

  /**
   * @param folder below which archives are unpacked and, without a setting for it, kept
   */
  private ModelSource open(Optional<Path> store, Path folder) throws StartException {
    Optional<Path> cacheParent = settings.find(SourceKeys.MODEL_CACHE);
    Path cache =
        cacheParent.isPresent()
            ? TemporaryFolders.makePrivate(
                cacheParent.get(), "model_cache", "set model_cache to a directory", parts)
            : folder.resolve("downloads");
    return parts.add(
        "downloads",
        new UrlModelSource(
            new StoreModelSource(store, folder, modules.unpackLimits()),
            modules.remote(cache, environment),
            Clock.system()::nanoTime));
  }
}
