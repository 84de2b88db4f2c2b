package org.tsnext.core.model;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.tsnext.archive.Spelling;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.ModelRouter;
import org.tsnext.core.inference.VersionDispatcher;

/**
 * Models by name, each with its versions and its default version: the first one registered, until
 * another one is chosen or it leaves. Reading takes no lock; changes are made one at a time.
 */
final class ModelRegistry implements ModelRouter {

  /** Names that are compared with one that is not there. */
  private static final int MAX_COMPARED = 1000;

  /** Versions in an error. */
  private static final int MAX_SHOWN = 10;

  /** One name; replaced at each change. Versions in order of registration. */
  private record Entry(String defaultVersion, Map<String, ModelVersion> versions) {
    ModelVersion defaultOne() {
      return versions.get(defaultVersion);
    }

    /** The oldest version that stays, beside {@code version}. */
    Optional<ModelVersion> otherThan(ModelVersion version) {
      return versions.values().stream()
          .filter(other -> other != version && !other.isLeaving())
          .findFirst();
    }
  }

  private record Key(String name, String version) {}

  private final Map<String, Entry> models = new ConcurrentHashMap<>();
  private final ServedNames servedNames = new ServedNames();
  private final Set<Key> reserved = new HashSet<>();
  private volatile boolean closed;

  @Override
  public VersionDispatcher route(String modelName, Optional<String> version) {
    if (closed) {
      throw shuttingDown();
    }
    return find(modelName, version).dispatcher();
  }

  /** A version, empty for the default one. */
  ModelVersion find(String name, Optional<String> version) {
    Entry entry = entry(name);
    if (version.isEmpty()) {
      return entry.defaultOne();
    }
    ModelVersion found = entry.versions().get(version.get());
    if (found == null) {
      Names.requireVersion(ErrorKind.BAD_REQUEST, version.get());
      throw new ServingException(
              ErrorKind.MODEL_VERSION_NOT_FOUND,
              "Model version: " + version.get() + " does not exist for model: " + name)
          .withDetail(versionsOf(entry));
    }
    return found;
  }

  private static String versionsOf(Entry entry) {
    List<String> versions = entry.versions().keySet().stream().limit(MAX_SHOWN).toList();
    int more = entry.versions().size() - versions.size();
    return "It has version "
        + String.join(", ", versions)
        + (more > 0 ? " and " + more + " more." : ".");
  }

  /** The further names of models. */
  ServedNames servedNames() {
    return servedNames;
  }

  boolean has(String name) {
    return models.containsKey(name);
  }

  Optional<ModelVersion> lookUp(String name, String version) {
    return Optional.ofNullable(models.get(name)).map(entry -> entry.versions().get(version));
  }

  /** A version that is to be changed: one on its way out cannot be. */
  ModelVersion findStaying(String name, Optional<String> version) {
    ModelVersion found = find(name, version);
    if (found.isLeaving()) {
      throw leaving(found);
    }
    return found;
  }

  /** The dispatcher of the default version, unless that is leaving. */
  Optional<VersionDispatcher> stayingDefault(String name) {
    return Optional.ofNullable(models.get(name))
        .map(Entry::defaultOne)
        .filter(now -> !now.isLeaving())
        .map(ModelVersion::dispatcher);
  }

  boolean isDefault(ModelVersion version) {
    Entry entry = models.get(version.name());
    return entry != null && entry.defaultOne() == version;
  }

  /** The versions of a model, the default one first. */
  List<ModelVersion> versions(String name) {
    Entry entry = entry(name);
    List<ModelVersion> versions = new ArrayList<>();
    versions.add(entry.defaultOne());
    entry.versions().values().stream()
        .filter(version -> version != entry.defaultOne())
        .forEach(versions::add);
    return versions;
  }

  /** The default version of each model, by name. */
  List<ModelVersion> defaults() {
    return models.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(entry -> entry.getValue().defaultOne())
        .toList();
  }

  List<ModelVersion> all() {
    return models.values().stream().flatMap(entry -> entry.versions().values().stream()).toList();
  }

  /**
   * Keeps name, version and served names for a registration that is under way, until {@link
   * #publish} or {@link #unreserve}.
   *
   * @throws ServingException 409 if one of them is taken
   */
  synchronized void reserve(VersionSpec spec) {
    requireOpen();
    String name = spec.name();
    String version = spec.version();
    Key key = new Key(name, version);
    if (lookUp(name, version).isPresent() || reserved.contains(key)) {
      throw new ServingException(
          ErrorKind.CONFLICT,
          "Model version " + version + " is already registered for model " + name);
    }
    List<String> served = spec.settings().config().requests().servedNames();
    servedNames.claim(name, version, served, this::isTaken);
    reserved.add(key);
  }

  private boolean isTaken(String name) {
    return has(name) || reserved.stream().anyMatch(key -> key.name().equals(name));
  }

  synchronized void unreserve(String name, String version) {
    reserved.remove(new Key(name, version));
    servedNames.release(name, version);
  }

  /**
   * Makes a reserved version visible. It is the default one if there is no other, or if that one is
   * on its way out.
   *
   * @param asDefault whether it is the default one in any case
   * @throws ServingException if the server has begun to shut down; the reservation stays
   */
  synchronized void publish(ModelVersion version, boolean asDefault) {
    requireOpen();
    reserved.remove(new Key(version.name(), version.version()));
    models.compute(
        version.name(),
        (name, before) -> {
          Map<String, ModelVersion> versions =
              new LinkedHashMap<>(before == null ? Map.of() : before.versions());
          versions.put(version.version(), version);
          boolean first = before == null || before.defaultOne().isLeaving();
          return new Entry(
              first || asDefault ? version.version() : before.defaultVersion(), versions);
        });
  }

  /**
   * Marks a version that an operator wants to be gone.
   *
   * @throws ServingException 403 if it is the default one while others stay
   */
  synchronized void leaveIfAllowed(ModelVersion version) {
    if (isDefault(version) && entry(version.name()).otherThan(version).isPresent()) {
      throw new ServingException(
          ErrorKind.DEFAULT_VERSION_IN_USE,
          "Cannot remove default version for model " + version.name());
    }
    leave(version);
  }

  /** Marks a version that goes. If it was the default one, the oldest one that stays follows. */
  synchronized void leave(ModelVersion version) {
    version.leave();
    models.computeIfPresent(
        version.name(),
        (name, before) ->
            before.defaultOne() == version
                ? before
                    .otherThan(version)
                    .map(next -> new Entry(next.version(), before.versions()))
                    .orElse(before)
                : before);
  }

  /** Takes a version out. If it was the default one, the oldest other one follows. */
  synchronized void remove(ModelVersion version) {
    servedNames.release(version.name(), version.version());
    models.computeIfPresent(
        version.name(),
        (name, before) -> {
          Map<String, ModelVersion> versions = new LinkedHashMap<>(before.versions());
          versions.remove(version.version(), version);
          if (versions.isEmpty()) {
            return null;
          }
          boolean keepsDefault = versions.containsKey(before.defaultVersion());
          return new Entry(
              keepsDefault ? before.defaultVersion() : versions.keySet().iterator().next(),
              versions);
        });
  }

  synchronized void setDefault(String name, String version) {
    Entry before = entry(name);
    if (!before.versions().containsKey(version)) {
      Names.requireVersion(ErrorKind.BAD_REQUEST, version);
      throw new ServingException(
              ErrorKind.MODEL_VERSION_NOT_FOUND,
              "Model version " + version + " does not exist for model " + name)
          .withDetail(versionsOf(before));
    }
    if (before.versions().get(version).isLeaving()) {
      throw leaving(before.versions().get(version));
    }
    models.put(name, new Entry(version, before.versions()));
  }

  /** From now on nothing is routed, reserved or published. */
  synchronized void close() {
    closed = true;
  }

  boolean isClosed() {
    return closed;
  }

  void requireOpen() {
    if (closed) {
      throw shuttingDown();
    }
  }

  private Entry entry(String name) {
    Entry entry = models.get(name);
    if (entry == null) {
      // No such model can be there; the reason helps more than that it is not.
      Names.requireName(ErrorKind.BAD_REQUEST, name);
      ServingException unknown =
          new ServingException(ErrorKind.MODEL_NOT_FOUND, "Model not found: " + name);
      // On an event loop: of very many models none is guessed.
      throw (models.size() <= MAX_COMPARED
              ? Spelling.nearest(name, models.keySet())
              : Optional.<String>empty())
          .map(near -> unknown.withDetail("Did you mean " + near + "?"))
          .orElse(unknown);
    }
    return entry;
  }

  private static ServingException leaving(ModelVersion version) {
    return new ServingException(
        ErrorKind.CONFLICT,
        "Model version "
            + version.version()
            + " of model "
            + version.name()
            + " is being unregistered.");
  }

  private static ServingException shuttingDown() {
    return new ServingException(ErrorKind.SHUTTING_DOWN, "The server is shutting down.");
  }
}
