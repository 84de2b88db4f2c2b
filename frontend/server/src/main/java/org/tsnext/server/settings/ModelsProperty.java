package org.tsnext.server.settings;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.tsnext.archive.Manifest;
import org.tsnext.core.model.ModelOverrides;
import org.tsnext.core.request.BoundedNumber;

/**
 * The {@code models} property: settings of single model versions.
 *
 * @param byModel model name to version to settings
 * @param warnings members that were ignored, and why
 */
public record ModelsProperty(
    Map<String, Map<String, ModelOverrides>> byModel, List<String> warnings) {
  /** Valid in TorchServe 0.12, and without effect there, too. */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of("defaultVersion", "marName", "parallelLevel");

  /** No overrides. */
  public static final ModelsProperty NONE = new ModelsProperty(Map.of(), List.of());

  public ModelsProperty {
    byModel = Map.copyOf(byModel);
    warnings = List.copyOf(warnings);
  }

  /**
   * Reads the property. Members of a wrong type are ignored with a warning; values below 1 count as
   * absent.
   *
   * @throws IllegalArgumentException if it is not a JSON object of objects of objects
   */
  static ModelsProperty parse(String json) {
    try {
      List<String> warnings = new ArrayList<>();
      Map<String, Map<String, ModelOverrides>> models = new HashMap<>();
      for (var model : JsonParser.parseString(json).getAsJsonObject().entrySet()) {
        Map<String, ModelOverrides> versions = new HashMap<>();
        for (var version : model.getValue().getAsJsonObject().entrySet()) {
          String name = model.getKey() + " " + version.getKey();
          Members members = new Members(name, version.getValue().getAsJsonObject(), warnings);
          versions.put(version.getKey(), members.read());
        }
        models.put(model.getKey(), Map.copyOf(versions));
      }
      return new ModelsProperty(models, warnings);
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalArgumentException(json, e);
    }
  }

  /** The members of one version's object. */
  private record Members(String model, JsonObject object, List<String> warnings) {
    private static final Set<String> KNOWN =
        Set.of(
            "minWorkers",
            "maxWorkers",
            "batchSize",
            "maxBatchDelay",
            "responseTimeout",
            "startupTimeout",
            "runtimeType");

    ModelOverrides read() {
      for (String member : object.keySet()) {
        if (!KNOWN.contains(member) && !WITHOUT_EFFECT.contains(member)) {
          warnings.add("models: " + member + " is not known (model " + model + ")");
        }
      }
      OptionalInt minWorkers = integer("minWorkers");
      OptionalInt maxWorkers = integer("maxWorkers");
      if (minWorkers.isPresent()
          && maxWorkers.orElse(minWorkers.getAsInt()) < minWorkers.getAsInt()) {
        ignore(
            "maxWorkers",
            object.get("maxWorkers"),
            "at least minWorkers, which is " + minWorkers.getAsInt());
      }
      return new ModelOverrides(
          minWorkers,
          maxWorkers,
          integer("batchSize"),
          boxed("maxBatchDelay").map(Duration::ofMillis),
          boxed("responseTimeout").map(Duration::ofSeconds),
          boxed("startupTimeout").map(Duration::ofSeconds),
          runtime());
    }

    private Optional<Integer> boxed(String member) {
      OptionalInt value = integer(member);
      return value.isPresent() ? Optional.of(value.getAsInt()) : Optional.empty();
    }

    private OptionalInt integer(String member) {
      JsonElement element = object.get(member);
      if (element == null || element.isJsonNull()) {
        return OptionalInt.empty();
      }
      if (element.isJsonPrimitive() && element.getAsJsonPrimitive().isNumber()) {
        OptionalLong value = BoundedNumber.exact(element.getAsString());
        // A fraction, or too large: a wrong type like any other.
        if (value.isPresent() && value.getAsLong() == (int) value.getAsLong()) {
          return value.getAsLong() > 0
              ? OptionalInt.of((int) value.getAsLong())
              : OptionalInt.empty();
        }
      }
      ignore(member, element, "a whole number");
      return OptionalInt.empty();
    }

    private Optional<String> runtime() {
      JsonElement element = object.get("runtimeType");
      if (element == null || element.isJsonNull()) {
        return Optional.empty();
      }
      if (element.isJsonPrimitive() && Manifest.isRuntime(element.getAsString())) {
        return Optional.of(element.getAsString());
      }
      ignore("runtimeType", element, "python, python3 or LSP");
      return Optional.empty();
    }

    private void ignore(String member, JsonElement value, String expected) {
      warnings.add(
          "Invalid value for model: %s: models: %s = %s: expected %s"
              .formatted(model, member, value, expected));
    }
  }
}
