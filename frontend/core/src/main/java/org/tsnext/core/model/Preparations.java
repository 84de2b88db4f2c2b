package org.tsnext.core.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.time.Clock;
import org.tsnext.core.worker.WorkerError;

/**
 * The versions that are being prepared, and those of the start or of asynchronous registrations
 * that could not be: no client waits for their response, so it is kept for a later request.
 * Thread-safe.
 */
final class Preparations {

  /** Failures kept at most; the oldest go first. */
  private static final int MAX_PREPARATIONS = 100;

  private record Key(String name, String version) {}

  private final Clock clock;
  private final Map<Key, Preparation> all = new LinkedHashMap<>();

  Preparations(Clock clock) {
    this.clock = clock;
  }

  /** From now on it can be asked for. Asked again, it does nothing. */
  synchronized void show(Preparation preparation) {
    Key key = keyOf(preparation);
    if (all.get(key) != preparation) {
      all.remove(key);
      if (all.size() >= MAX_PREPARATIONS) {
        all.remove(all.keySet().iterator().next());
      }
      all.put(key, preparation);
    }
  }

  /** It went well: the version takes its place, also that of an earlier failure. */
  void succeeded(Preparation preparation) {
    forget(keyOf(preparation));
    preparation.ended().complete(null);
  }

  /** It did not go well; all of its files are gone. */
  void failed(Preparation preparation, Throwable failure) {
    boolean responded = preparation.spec().registration().synchronous();
    if (responded || preparation.isCancelled()) {
      drop(preparation);
    } else {
      String detail = failure instanceof ServingException known ? known.detail().orElse("") : "";
      preparation.fail(
          new WorkerError(clock.now(), "", String.valueOf(failure.getMessage()), detail, ""));
    }
    preparation.ended().complete(null);
  }

  /** Forgets it, if it is still the one of its name and version. */
  synchronized void drop(Preparation preparation) {
    all.remove(keyOf(preparation), preparation);
  }

  /**
   * @param version empty for any
   */
  synchronized Optional<Preparation> find(String name, Optional<String> version) {
    return all(name).stream()
        .filter(found -> version.isEmpty() || found.spec().version().equals(version.get()))
        .findFirst();
  }

  /** Interrupts all of them; each future completes when one is gone. */
  synchronized List<CompletableFuture<Void>> cancelAll() {
    return all.values().stream().filter(Preparation::cancel).map(Preparation::ended).toList();
  }

  synchronized List<Preparation> all() {
    return List.copyOf(all.values());
  }

  synchronized List<Preparation> all(String name) {
    return all.values().stream()
        .filter(preparation -> preparation.spec().name().equals(name))
        .toList();
  }

  private synchronized void forget(Key key) {
    all.remove(key);
  }

  private static Key keyOf(Preparation preparation) {
    return new Key(preparation.spec().name(), preparation.spec().version());
  }
}
