package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ModelService.ModelEntry;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;

/**
 * The model operations as clients know them: named parameters in, JSON and sentences out. Futures
 * complete on the core's threads, exceptionally with a {@link ServingException}, which may be
 * wrapped; what answers at once throws it. Stateless and thread-safe.
 */
public final class ModelOperations {

  /** Why the model API refuses, and what to do about it. */
  public static final String SWITCHED_OFF =
      "Registering and unregistering models is switched off; start the server with"
          + " --enable-model-api or set enable_model_api=true.";

  private static final int MAX_PAGE = 100;
  private static final String ALL_VERSIONS = "all";

  private final ModelService models;
  private final boolean modelApi;
  private final Compatibility compatibility;

  /**
   * @param modelApi whether models may be registered and unregistered
   * @param compatibility how parameters are read and descriptions look
   */
  public ModelOperations(ModelService models, boolean modelApi, Compatibility compatibility) {
    this.models = Objects.requireNonNull(models, "models");
    this.modelApi = modelApi;
    this.compatibility = Objects.requireNonNull(compatibility, "compatibility");
  }

  /** Whether models may be registered and unregistered. */
  public boolean modelApi() {
    return modelApi;
  }

  private Parameters read(Parameters given) {
    return LenientParameters.where(compatibility, given);
  }

  /** A page of the models, by {@code limit} and {@code next_page_token}. */
  public JsonObject list(Parameters parameters) {
    JsonArray all = new JsonArray();
    for (ModelEntry entry : models.list()) {
      JsonObject model = new JsonObject();
      model.addProperty("modelName", entry.modelName());
      model.addProperty("modelUrl", entry.modelUrl());
      all.add(model);
    }
    return page("models", all, read(parameters));
  }

  /**
   * A page of a list, by {@code limit} and {@code next_page_token}.
   *
   * @param name of the member with the page
   */
  public static JsonObject page(String name, JsonArray all, Parameters given) {
    int limit = given.integer("limit").orElse(MAX_PAGE);
    int size = limit < 1 || limit > MAX_PAGE ? MAX_PAGE : limit;
    int first = Math.min(all.size(), Math.max(0, given.integer("next_page_token").orElse(0)));
    int end = Math.min(all.size(), first + size);
    JsonObject json = new JsonObject();
    if (end < all.size()) {
      json.addProperty("nextPageToken", Integer.toString(end));
    }
    JsonArray page = new JsonArray();
    all.asList().subList(first, end).forEach(page::add);
    json.add(name, page);
    return json;
  }

  /** Whether the handler of the model is asked for a description, too: {@code customized}. */
  public boolean asksHandler(Parameters given) {
    return read(given).flag("customized").orElse(false);
  }

  /** Whether {@code version} asks for every version of a model. */
  public static boolean isAllVersions(Optional<String> version) {
    return version.filter(ALL_VERSIONS::equals).isPresent();
  }

  /**
   * Descriptions of one version or of all.
   *
   * @param version empty for the default one, {@code all} for every one
   */
  public JsonArray describe(String model, Optional<String> version) {
    JsonArray json = new JsonArray();
    List<ModelDescription> versions =
        isAllVersions(version)
            ? models.describeAll(model)
            : List.of(models.describe(model, version));
    versions.forEach(found -> json.add(DescriptionRenderer.render(found, compatibility)));
    return json;
  }

  /**
   * The question to the handler of a version, for a description with its own words in it.
   *
   * @param version empty for the default one
   */
  public CustomizedDescription describeCustomized(String model, Optional<String> version) {
    return new CustomizedDescription(models.describe(model, version), compatibility);
  }

  /**
   * Registers a model.
   *
   * @param synchronous whether the answer waits for the workers, if the client does not say
   */
  public CompletableFuture<OperationResponse> register(Parameters given, boolean synchronous) {
    requireModelApi();
    return models
        .register(ManagementRequests.registration(read(given), synchronous))
        .thenApply(result -> new OperationResponse(result.outcome(), registered(result)));
  }

  private static String registered(ScaleResult result) {
    String model =
        "Model \"" + result.modelName() + "\" Version: " + result.modelVersion() + " registered";
    return switch (result.outcome()) {
      case REGISTERED_WITHOUT_WORKERS ->
          model + " with 0 initial workers. Use scale workers API to add workers for the model.";
      case DONE -> model + " with " + result.workers() + " initial workers";
      case ACCEPTED, PARTIAL -> underWay(result.outcome());
    };
  }

  /**
   * Changes the number of workers of a version.
   *
   * @param version empty for the default one
   */
  public CompletableFuture<OperationResponse> scale(
      String model, Optional<String> version, Parameters given) {
    ScaleModel scaling = ManagementRequests.scaling(read(given));
    return models
        .scale(model, version, scaling)
        .thenApply(
            result ->
                new OperationResponse(
                    result.outcome(),
                    scaled(result.outcome(), scaling.minWorkers(), model, version)));
  }

  private static String scaled(
      ScaleResult.Outcome outcome, int min, String model, Optional<String> version) {
    return switch (outcome) {
      case DONE, REGISTERED_WITHOUT_WORKERS ->
          "Workers scaled to "
              + min
              + " for model: "
              + model
              + version.map(text -> ", version: " + text).orElse("");
      case ACCEPTED, PARTIAL -> underWay(outcome);
    };
  }

  private static String underWay(ScaleResult.Outcome outcome) {
    return outcome == ScaleResult.Outcome.ACCEPTED
        ? "Processing worker updates..."
        : "Workers scaling in progress...";
  }

  /**
   * Drains and removes a version.
   *
   * @param version empty for the default one
   */
  public CompletableFuture<String> unregister(String model, Optional<String> version) {
    requireModelApi();
    return models
        .unregister(model, version)
        .thenApply(done -> "Model \"" + model + "\" unregistered");
  }

  /** Makes {@code version} the one that requests without a version get. */
  public String setDefault(String model, String version) {
    models.setDefault(model, version);
    return "Default version successfully updated for model \"" + model + "\" to \"" + version + '"';
  }

  private void requireModelApi() {
    if (!modelApi) {
      throw new ServingException(ErrorKind.MODEL_API_DISABLED, "Model API disabled")
          .withDetail(SWITCHED_OFF);
    }
  }
}
