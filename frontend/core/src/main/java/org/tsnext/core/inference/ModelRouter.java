package org.tsnext.core.inference;

import java.util.Optional;

/** Finds who serves a model. Called on the hot path; never blocks. */
@FunctionalInterface
public interface ModelRouter {

  /**
   * The dispatcher of a version, empty for the default version.
   *
   * @throws org.tsnext.core.error.ServingException if there is no such model or version, or if the
   *     server takes no more requests
   */
  VersionDispatcher route(String modelName, Optional<String> version);
}
