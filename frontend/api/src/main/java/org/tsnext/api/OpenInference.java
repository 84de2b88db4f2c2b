package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ModelService;

/**
 * What the Open Inference Protocol (KServe v2) tells of the server and its models, beside
 * predictions. Thread-safe.
 */
public final class OpenInference {

  /** What TorchServe 0.12 calls itself. */
  public static final String SERVER_NAME = "Torchserve";

  public static final List<String> EXTENSIONS = List.of("kserve", "kubeflow");

  private final ModelService models;

  public OpenInference(ModelService models) {
    this.models = Objects.requireNonNull(models, "models");
  }

  /** Name, version and extensions; those also under the misspelt name that 0.12 sends. */
  public static JsonObject server(String version) {
    JsonArray extensions = new JsonArray();
    EXTENSIONS.forEach(extensions::add);
    JsonObject json = new JsonObject();
    json.addProperty("name", SERVER_NAME);
    json.addProperty("version", version);
    json.add("extensions", extensions);
    json.add("extenstion", extensions.deepCopy());
    return json;
  }

  /** See {@link ModelService#readiness()}. */
  public boolean isReady() {
    return models.readiness().ready();
  }

  /**
   * Whether requests for a version should be sent here: a worker has the model loaded.
   *
   * @param version empty for the default one
   * @throws org.tsnext.core.error.ServingException if there is none
   */
  public boolean isReady(String model, Optional<String> version) {
    return models.readiness(model, version).ready();
  }

  /**
   * Name and readiness of a model.
   *
   * @param version empty for the default one
   * @throws org.tsnext.core.error.ServingException if there is none
   */
  public JsonObject readiness(String model, Optional<String> version) {
    JsonObject json = new JsonObject();
    json.addProperty("name", model);
    json.addProperty("ready", isReady(model, version));
    return json;
  }

  /**
   * Every version of a model, the default one first.
   *
   * @param version that must exist; empty for the default one
   * @throws org.tsnext.core.error.ServingException if there is none
   */
  public List<String> versions(String model, Optional<String> version) {
    models.describe(model, version);
    return models.describeAll(model).stream().map(ModelDescription::modelVersion).toList();
  }

  /**
   * Name and versions of a model. Tensors are between the model's clients and its handler: none are
   * listed.
   *
   * @param version that must exist; empty for the default one
   * @throws org.tsnext.core.error.ServingException if there is none
   */
  public JsonObject model(String name, Optional<String> version) {
    JsonArray versions = new JsonArray();
    versions(name, version).forEach(versions::add);
    JsonObject json = new JsonObject();
    json.addProperty("name", name);
    json.add("versions", versions);
    json.addProperty("platform", "");
    json.add("inputs", new JsonArray());
    json.add("outputs", new JsonArray());
    return json;
  }
}
