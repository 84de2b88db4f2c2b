package org.tsnext.core.model;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.ModelRouter;

/**
 * The models of the start that could not be registered, until a client registers or unregisters
 * them. Thread-safe.
 */
final class FailedStarts {

  private final List<FailedStart> all = new CopyOnWriteArrayList<>();

  void add(FailedStart failed) {
    all.add(failed);
  }

  /** All of them, in the order in which they failed. */
  List<FailedStart> all() {
    return List.copyOf(all);
  }

  /**
   * @param version empty for any
   */
  List<FailedStart> all(String name, Optional<String> version) {
    return all.stream()
        .filter(failed -> failed.name().equals(name) && failed.isVersion(version))
        .toList();
  }

  /**
   * One of them.
   *
   * @param version empty for any
   */
  Optional<FailedStart> find(String name, Optional<String> version) {
    return all(name, version).stream().findFirst();
  }

  /** The same, with the cause where it does not find one of them. */
  ModelRouter explaining(ModelRouter router) {
    return (name, version) -> {
      try {
        return router.route(name, version);
      } catch (ServingException e) {
        throw find(name, version).map(failed -> failed.explain(e)).orElse(e);
      }
    };
  }

  /**
   * A client has registered or unregistered it: it is no fault any more.
   *
   * @param version empty for any
   * @return whether there was one
   */
  boolean forget(String name, Optional<String> version) {
    return all.removeAll(all(name, version));
  }
}
