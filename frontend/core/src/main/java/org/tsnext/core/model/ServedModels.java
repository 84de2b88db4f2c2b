package org.tsnext.core.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The models as clients know them that name one in a request: each by its registered name, and by
 * the further ones of its model-config.yaml. The queries answer at once.
 */
public interface ServedModels {

  /** All of them, sorted by name. */
  List<ServedModel> all();

  /** The one of a name; empty if there is none. A registered name comes before a further one. */
  Optional<ServedModel> find(String name);

  /**
   * A model under one of its names.
   *
   * @param id the name that clients use
   * @param modelName the registered one
   * @param version that serves the name; empty for the default one
   * @param since when it was registered
   * @param routes paths of the OpenAI API, such as {@code v1/embeddings}, that its handler serves;
   *     empty while no worker has said it
   */
  record ServedModel(
      String id,
      String modelName,
      Optional<String> version,
      Instant since,
      Optional<Set<String>> routes) {

    public ServedModel {
      routes = routes.map(Set::copyOf);
    }
  }
}
