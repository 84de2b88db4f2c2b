package org.tsnext.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelSource;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.model.ScaleResult;

/**
 * The models that the operator wants from the start. One that cannot be loaded is told and skipped;
 * it never ends the server.
 */
final class StartupModels {
  private static final Logger LOGGER = LoggerFactory.getLogger(StartupModels.class);

  private final List<Item> items;
  private final List<String> loaded = new CopyOnWriteArrayList<>();

  private StartupModels(List<Item> items) {
    this.items = List.copyOf(items);
  }

  /**
   * A model to load.
   *
   * @param name to register it under; empty for its own
   */
  private record Item(Optional<String> name, String location) {
    static Item parse(String text) {
      int equals = text.indexOf('=');
      int slash = text.indexOf('/');
      // An equals sign in a path or a URL separates no name.
      boolean named = equals > 0 && (slash < 0 || equals < slash);
      return named
          ? new Item(Optional.of(text.substring(0, equals)), text.substring(equals + 1))
          : new Item(Optional.empty(), text);
    }

    RegisterModel order() {
      return new RegisterModel(
          location,
          name,
          Optional.empty(),
          Optional.empty(),
          OptionalInt.empty(),
          Optional.empty(),
          OptionalInt.empty(),
          Optional.empty(),
          Optional.empty(),
          false,
          true);
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
          return new StartupModels(list(source));
        }
        case "none", "standalone" -> {
          return new StartupModels(List.of());
        }
        default -> {
          // A model like any other.
        }
      }
    }
    return new StartupModels(words.stream().map(Item::parse).toList());
  }

  private static List<Item> list(ModelSource source) throws StartException {
    try {
      return source.list().stream().map(name -> new Item(Optional.empty(), name)).toList();
    } catch (ArchiveException e) {
      throw new StartException("Cannot load all models: " + e.getMessage(), e);
    }
  }

  /** What will be loaded, as the operator named it. */
  List<String> locations() {
    return items.stream().map(Item::location).toList();
  }

  /** Names of the models that were registered so far. */
  List<String> loaded() {
    return List.copyOf(loaded);
  }

  /**
   * Registers all of them at once. The future ends, never exceptionally, when each has its fate.
   */
  CompletableFuture<Void> load(ModelService models) {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (Item item : items) {
      all.add(register(models, item).handle((result, error) -> finish(item, result, error)));
    }
    return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new));
  }

  private static CompletableFuture<ScaleResult> register(ModelService models, Item item) {
    try {
      return models.register(item.order());
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private Void finish(Item item, ScaleResult result, Throwable error) {
    if (error == null) {
      loaded.add(result.modelName());
      return null;
    }
    Throwable cause = error instanceof CompletionException e ? e.getCause() : error;
    if (cause instanceof ServingException known) {
      String detail = known.detail().map(text -> ": " + text).orElse("");
      LOGGER.error("Failed to load model: {}: {}{}", item.location(), known.getMessage(), detail);
    } else {
      LOGGER.error("Failed to load model: {}", item.location(), cause);
    }
    return null;
  }
}
