package org.tsnext.http.management;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ModelService.ModelEntry;
import org.tsnext.core.model.ScaleModel;
import org.tsnext.core.model.ScaleResult;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.RequestKind;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.Json;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.RoutedRequest;

/** The handlers of the model routes. Texts and statuses are those that old clients know. */
final class ModelHandlers {

  private static final int ACCEPTED = 202;
  private static final int PARTIAL = 206;
  private static final int MAX_PAGE = 100;
  private static final String ALL_VERSIONS = "all";

  /** Stands for a drain without a limit. */
  private static final Duration UNTIL_DONE = Duration.ofDays(365);

  private final ModelService models;
  private final InferenceService inference;
  private final boolean modelApi;

  /**
   * @param modelApi whether models may be registered and unregistered
   */
  ModelHandlers(ModelService models, InferenceService inference, boolean modelApi) {
    this.models = models;
    this.inference = inference;
    this.modelApi = modelApi;
  }

  void list(RoutedRequest request) {
    Parameters query = new TextParameters(request.query());
    int limit = query.integer("limit").orElse(MAX_PAGE);
    int size = limit < 1 || limit > MAX_PAGE ? MAX_PAGE : limit;
    List<ModelEntry> all = models.list();
    int first = Math.min(all.size(), Math.max(0, query.integer("next_page_token").orElse(0)));
    int end = Math.min(all.size(), first + size);
    JsonObject json = new JsonObject();
    if (end < all.size()) {
      json.addProperty("nextPageToken", Integer.toString(end));
    }
    JsonArray page = new JsonArray();
    for (ModelEntry entry : all.subList(first, end)) {
      JsonObject model = new JsonObject();
      model.addProperty("modelName", entry.modelName());
      model.addProperty("modelUrl", entry.modelUrl());
      page.add(model);
    }
    json.add("models", page);
    request.exchange().send(Response.json(200, json));
  }

  void describe(RoutedRequest request) {
    String name = request.modelName();
    Optional<String> version = request.modelVersion();
    if (version.filter(ALL_VERSIONS::equals).isPresent()) {
      sendDescriptions(request.exchange(), models.describeAll(name));
      return;
    }
    ModelDescription model = models.describe(name, version);
    if (new TextParameters(request.query()).flag("customized").orElse(false)) {
      askHandler(request, model);
    } else {
      sendDescriptions(request.exchange(), List.of(model));
    }
  }

  private void askHandler(RoutedRequest request, ModelDescription model) {
    Exchange exchange = request.exchange();
    InferenceRequest question =
        new InferenceRequest(
            exchange.requestId(),
            model.modelName(),
            Optional.of(model.modelVersion()),
            RequestKind.DESCRIBE,
            List.of(new Header("describe", "True")),
            List.of(),
            Optional.of(model.responseTimeout()));
    InferenceCall call =
        inference.submit(
            question, new CustomizedDescription(exchange, DescriptionRenderer.render(model)));
    exchange.onClientGone(call::cancel);
  }

  private static void sendDescriptions(Exchange exchange, List<ModelDescription> versions) {
    JsonArray json = new JsonArray();
    versions.forEach(model -> json.add(DescriptionRenderer.render(model)));
    exchange.send(Response.json(200, json));
  }

  void register(RoutedRequest request) {
    if (refusesModelApi(request)) {
      return;
    }
    LaterAnswer.send(
        request.exchange(),
        models.register(RegistrationReader.read(request)),
        ModelHandlers::registered);
  }

  private static Response registered(ScaleResult result) {
    String model =
        "Model \"" + result.modelName() + "\" Version: " + result.modelVersion() + " registered";
    return switch (result.outcome()) {
      case REGISTERED_WITHOUT_WORKERS ->
          Response.ok(
              model
                  + " with 0 initial workers. Use scale workers API to add workers for the model.");
      case DONE -> Response.ok(model + " with " + result.workers() + " initial workers");
      case ACCEPTED -> accepted();
      case PARTIAL -> partial();
    };
  }

  void scale(RoutedRequest request) {
    Parameters query = new TextParameters(request.query());
    int min = query.integer("min_worker").orElse(1);
    if (min < 0) {
      throw Parameters.outOfRange("min_worker", min, 0);
    }
    int max = query.integer("max_worker").orElse(min);
    if (max < min) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST, "max_worker cannot be less than min_worker.");
    }
    Optional<String> version = request.modelVersion().or(() -> query.text("model_version"));
    ScaleModel order =
        new ScaleModel(min, max, query.flag("synchronous").orElse(false), drainTime(query));
    LaterAnswer.send(
        request.exchange(),
        models.scale(request.modelName(), version, order),
        result -> scaled(result, min, request.modelName(), version));
  }

  private static Optional<Duration> drainTime(Parameters query) {
    OptionalInt seconds = query.integer("timeout");
    if (seconds.isEmpty()) {
      return Optional.empty();
    }
    if (seconds.getAsInt() < -1) {
      throw Parameters.outOfRange("timeout", seconds.getAsInt(), -1);
    }
    return Optional.of(
        seconds.getAsInt() == -1 ? UNTIL_DONE : Duration.ofSeconds(seconds.getAsInt()));
  }

  private static Response scaled(
      ScaleResult result, int min, String model, Optional<String> version) {
    return switch (result.outcome()) {
      case DONE, REGISTERED_WITHOUT_WORKERS ->
          Response.ok(
              "Workers scaled to "
                  + min
                  + " for model: "
                  + model
                  + version.map(text -> ", version: " + text).orElse(""));
      case ACCEPTED -> accepted();
      case PARTIAL -> partial();
    };
  }

  void unregister(RoutedRequest request) {
    if (refusesModelApi(request)) {
      return;
    }
    String name = request.modelName();
    LaterAnswer.send(
        request.exchange(),
        models.unregister(name, request.modelVersion()),
        done -> Response.ok("Model \"" + name + "\" unregistered"));
  }

  void setDefault(RoutedRequest request) {
    String name = request.modelName();
    String version = request.modelVersion().orElseThrow();
    models.setDefault(name, version);
    request
        .exchange()
        .send(
            Response.ok(
                "Default version successfully updated for model \""
                    + name
                    + "\" to \""
                    + version
                    + "\""));
  }

  private boolean refusesModelApi(RoutedRequest request) {
    if (!modelApi) {
      request
          .exchange()
          .fail(
              new ServingException(
                  ErrorKind.MODEL_API_DISABLED,
                  ErrorRenderer.METHOD_NOT_ALLOWED_TEXT
                      + " Registering and unregistering models is switched off; start the server"
                      + " with --enable-model-api or set enable_model_api=true."),
              request.parameters().isEmpty()
                  ? List.of("GET", "HEAD")
                  : List.of("GET", "HEAD", "PUT", "OPTIONS"));
    }
    return !modelApi;
  }

  private static Response accepted() {
    return Response.json(ACCEPTED, Json.status("Processing worker updates..."));
  }

  private static Response partial() {
    return Response.json(PARTIAL, Json.status("Workers scaling in progress..."));
  }
}
