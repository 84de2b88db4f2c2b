package org.tsnext.http.openapi;

import com.google.gson.JsonObject;
import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/** {@code OPTIONS} on the routes of a model: its own API description. */
public final class ModelApiHandler implements RouteHandler {

  private static final String MODEL_NAME = "{model_name}";

  /** What a prediction can answer beside the errors of every route. */
  private static final Integer[] PREDICTION_ERRORS = {404, 504, 507};

  private final ModelService models;
  private final Function<RoutedRequest, String> modelOf;
  private final Function<String, JsonObject> document;

  private ModelApiHandler(
      ModelService models,
      Function<RoutedRequest, String> modelOf,
      Function<String, JsonObject> document) {
    this.models = models;
    this.modelOf = modelOf;
    this.document = document;
  }

  /**
   * Describes the prediction routes of a model.
   *
   * @param modelOf which model a request means
   * @param compatibility which routes are listed
   */
  public static ModelApiHandler forPredictions(
      ModelService models, Function<RoutedRequest, String> modelOf, Compatibility compatibility) {
    return new ModelApiHandler(
        models,
        modelOf,
        model ->
            new OpenApiDocument("RESTful API for: " + model, "1.0.0")
                .addAll(
                    compatibility.isOriginal(Deviation.API_DESCRIPTIONS)
                        ? OriginalDescription.ofModel(model)
                        : predictions(model),
                    Function.identity())
                .toJson());
  }

  /**
   * Describes the management routes of a model.
   *
   * @param routes those of the management listener
   */
  public static ModelApiHandler forManagement(
      ModelService models, List<Route> routes, String serverVersion) {
    List<Route> ofModels =
        routes.stream().filter(route -> route.template().toString().contains(MODEL_NAME)).toList();
    return new ModelApiHandler(
        models,
        RoutedRequest::modelName,
        model ->
            new OpenApiDocument("RESTful Management API for: " + model, serverVersion)
                .addAll(ofModels, path -> path.replace(MODEL_NAME, model))
                .toJson());
  }

  @Override
  public void handle(RoutedRequest request) {
    Optional<String> version = request.modelVersion().filter(text -> !text.equals("all"));
    String model = models.describe(modelOf.apply(request), version).modelName();
    request.exchange().send(Response.json(200, document.apply(model)));
  }

  /** Identifiers are unique in a document, so only the first is the bare name of the model. */
  private static List<Route> predictions(String model) {
    List<Route> routes = new ArrayList<>();
    routes.add(prediction("/predictions/" + model, model));
    routes.add(prediction("/v1/models/" + model + ":predict", model + "_v1Predict"));
    routes.add(prediction("/v2/models/" + model + "/infer", model + "_v2Predict"));
    routes.add(prediction("/explanations/" + model, model + "_explanations"));
    return routes;
  }

  private static Route prediction(String path, String operationId) {
    Operation operation =
        new Operation(
                operationId,
                "A prediction or explanation of the model.",
                Body.INPUTS,
                List.of(),
                List.of(new Outcome(200, "*/*", "The response of the model's handler")))
            .failingWith(PREDICTION_ERRORS)
            .withAnyStatus();
    return Route.of(List.of(HttpMethod.POST), path, request -> {}, operation);
  }
}
