package org.tsnext.server;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.snapshot.SavedModel;
import org.tsnext.server.snapshot.Snapshot;

/**
 * The models that the operator wants from the start. One that cannot be loaded is told and skipped;
 * it never ends the server.
 */
final class StartupModels {
  private static final Logger LOGGER = LoggerFactory.getLogger(StartupModels.class);
  private static final Pattern AROUND_EQUALS = Pattern.compile(" *= *");

  /** Those of one list are registered one after the other. */
  private final List<List<PlannedModel>> groups;

  private final List<String> loaded = new CopyOnWriteArrayList<>();
  private final List<SavedModel> notRestored = new CopyOnWriteArrayList<>();
  private final List<String> failed = new CopyOnWriteArrayList<>();

  /** Takes the models that could not be registered. */
  @FunctionalInterface
  interface Failures {

    /**
     * Takes one.
     *
     * @param version empty if it is not known
     */
    void startFailed(RegisterModel registration, Optional<String> version, ServingException why);
  }

  private StartupModels(List<List<PlannedModel>> groups) {
    this.groups = List.copyOf(groups);
  }

  /**
   * A model to load.
   *
   * @param saved what a snapshot says of it, if it is from one
   */
  private record PlannedModel(RegisterModel registration, Optional<SavedModel> saved) {
    static PlannedModel parse(String text) {
      int equals = text.indexOf('=');
      int slash = text.indexOf('/');
      int hash = text.indexOf('#');
      // An equals sign in a path, a URL or a digest separates no name.
      boolean named = equals > 0 && (slash < 0 || equals < slash) && (hash < 0 || equals < hash);
      return named
          ? named(
              Optional.of(text.substring(0, equals).strip()), text.substring(equals + 1).strip())
          : named(Optional.empty(), text);
    }

    static PlannedModel restored(SavedModel saved) {
      return new PlannedModel(saved.request(), Optional.of(saved));
    }

    /**
     * @param name to register it under; empty for its own
     */
    static PlannedModel named(Optional<String> name, String location) {
      return new PlannedModel(registration(name, location), Optional.empty());
    }

    /** Where it is, without secrets. */
    String shown() {
      return ModelLocation.publicText(registration.source().url());
    }

    private static RegisterModel registration(Optional<String> name, String location) {
      return new RegisterModel(
          new RegisterModel.Source(location, false),
          name,
          Optional.empty(),
          Optional.empty(),
          RegisterModel.Requested.NOTHING,
          RegisterModel.Origin.OPERATOR,
          false);
    }
  }

  /**
   * Reads {@code load_models}: {@code all} (any case, alone) is what {@code source} has, {@code
   * none} and {@code standalone} are nothing.
   *
   * @throws StartException if the model store cannot be listed
   */
  static StartupModels of(List<String> words, ModelSource source) throws StartException {
    if (words.size() == 1) {
      switch (words.get(0).toLowerCase(Locale.ROOT)) {
        case "all" -> {
          return separately(
              list(source).stream().map(name -> PlannedModel.named(Optional.empty(), name)));
        }
        case "none", "standalone" -> {
          return new StartupModels(List.of());
        }
        default -> {
          // A model like any other.
        }
      }
    }
    return separately(separated(words, source).map(PlannedModel::parse));
  }

  /** Blanks part models, too, unless a file of the store has them in its name. */
  private static Stream<String> separated(List<String> words, ModelSource source)
      throws StartException {
    List<String> all = new ArrayList<>();
    for (String word : words) {
      String text = AROUND_EQUALS.matcher(word).replaceAll("=");
      if (text.contains(" ") && !list(source).contains(text.substring(text.indexOf('=') + 1))) {
        all.addAll(List.of(text.split(" +")));
      } else {
        all.add(text);
      }
    }
    return all.stream();
  }

  /** Those of a snapshot. The default version of a model comes first, so that it becomes that. */
  static StartupModels restored(Snapshot snapshot) {
    Map<String, List<PlannedModel>> byName =
        snapshot.models().stream()
            .sorted(Comparator.comparing(model -> !model.defaultVersion()))
            .collect(
                Collectors.groupingBy(
                    SavedModel::name,
                    TreeMap::new,
                    Collectors.mapping(PlannedModel::restored, Collectors.toList())));
    return new StartupModels(List.copyOf(byName.values()));
  }

  private static StartupModels separately(Stream<PlannedModel> items) {
    return new StartupModels(items.map(List::of).toList());
  }

  private static List<String> list(ModelSource source) throws StartException {
    try {
      return source.list();
    } catch (ArchiveException e) {
      throw new StartException("Cannot load all models: " + e.getMessage(), e);
    }
  }

  /** How they will be registered, in order. */
  List<RegisterModel> registrations() {
    return groups.stream().flatMap(List::stream).map(PlannedModel::registration).toList();
  }

  /** What will be loaded, as the operator named it, without secrets. */
  List<String> locations() {
    return groups.stream().flatMap(List::stream).map(PlannedModel::shown).toList();
  }

  /** Names of the models that were registered so far. */
  List<String> loaded() {
    return List.copyOf(loaded);
  }

  /** Those that could not be registered so far, with the cause, in a line each. */
  List<String> failed() {
    return List.copyOf(failed);
  }

  /** What a snapshot had and could not be registered again. */
  List<SavedModel> notRestored() {
    return List.copyOf(notRestored);
  }

  /** Registers all of them. The future ends, never exceptionally, when each has its fate. */
  CompletableFuture<Void> load(ModelService models, Failures failures) {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (List<PlannedModel> group : groups) {
      CompletableFuture<Void> turn = CompletableFuture.completedFuture(null);
      for (PlannedModel item : group) {
        turn = turn.thenCompose(none -> load(models, failures, item));
      }
      all.add(turn);
    }
    return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new));
  }

  private CompletableFuture<Void> load(ModelService models, Failures failures, PlannedModel item) {
    return register(models, item)
        .handle(
            (result, error) -> {
              if (error == null) {
                loaded.add(result.modelName());
                item.saved().ifPresent(saved -> scale(models, saved, result));
              } else {
                fail(failures, item, error);
              }
              return null;
            });
  }

  private static CompletableFuture<ScaleResult> register(ModelService models, PlannedModel item) {
    try {
      return models.register(item.registration());
    } catch (Throwable e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private void fail(Failures failures, PlannedModel item, Throwable error) {
    item.saved().ifPresent(notRestored::add);
    ServingException why =
        ServingException.of(
            error,
            cause -> {
              LOGGER.error("Failed to load model: {}", item.shown(), cause);
              return new ServingException(ErrorKind.INTERNAL, "Internal error: " + cause, cause);
            });
    String detail = why.detail().map(text -> ": " + text).orElse("");
    LOGGER.error("Failed to load model: {}: {}{}", item.shown(), why.getMessage(), detail);
    failed.add(item.shown() + ": " + why.getMessage() + detail);
    failures.startFailed(item.registration(), item.saved().map(SavedModel::version), why);
  }

  /** Gives a restored model the workers that it had. */
  private static void scale(ModelService models, SavedModel saved, ScaleResult registered) {
    String version = registered.modelVersion();
    if (!version.equals(saved.version())) {
      LOGGER.warn(
          "Model {} was saved as version {}, and its archive now has version {}",
          saved.name(),
          saved.version(),
          version);
    }
    saved
        .scaling()
        .ifPresent(
            scaling -> {
              CompletableFuture<ScaleResult> unused =
                  models
                      .scale(saved.name(), Optional.of(version), scaling)
                      .whenComplete(
                          (result, error) -> {
                            if (error != null) {
                              LOGGER.error("Workers of model {} not restored", saved.name(), error);
                            }
                          });
            });
  }
}
