package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.OPTIONS;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.jobs.JobSubmission;
import org.tsnext.http.openapi.ModelApiHandler;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/** The table of the inference listener's own routes. */
public final class InferenceRoutes {

  /** {@code curl -T} sends PUT; a GET without a body is how some clients try a model. */
  private static final List<HttpMethod> PREDICT_METHODS = List.of(GET, PUT, POST);

  private static final String JSON = Response.APPLICATION_JSON;

  private InferenceRoutes() {}

  /**
   * Builds the routes.
   *
   * @param jobs begins those that clients prefer not to wait for; empty if every client waits
   * @param startUpModels names of the models loaded at start
   * @param headers which of a request its handler gets
   * @param errors whether probes say why a model has too few workers
   */
  public static List<Route> of(
      InferenceService inference,
      Optional<JobSubmission> jobs,
      ModelService models,
      Supplier<List<String>> startUpModels,
      HeaderPolicy headers,
      V2Predictions v2,
      ErrorForm errors) {
    List<Route> routes = new ArrayList<>();
    routes.add(
        Route.of(
                List.of(POST, PUT, GET),
                "/ping",
                new PingHandler(models, errors),
                new Operation(
                    "ping",
                    "Whether every model has its workers.",
                    Body.NONE,
                    List.of(),
                    List.of(
                        new Outcome(200, JSON, "Healthy", Schemas.HEALTH),
                        new Outcome(
                            500, JSON, "Unhealthy, with the models concerned", Schemas.HEALTH))))
            .withAccess(Access.PROBE));
    routes.addAll(ReadyRoutes.of(models, errors.showDetail()));
    routes.addAll(
        new Predictions(inference, jobs, models, startUpModels, headers, v2, errors.compatibility())
            .routes());
    return routes;
  }

  /**
   * How KServe v2 predicts.
   *
   * @param versions whether predictions may name a version
   * @param conversions of tensors that are binary data
   */
  public record V2Predictions(boolean versions, BodyConversions conversions) {}

  /** The routes that lead to a handler of a model. */
  private static final class Predictions {
    private final InferenceService inference;
    private final Optional<JobSubmission> jobs;
    private final ModelService models;
    private final InvokedModel invokedModel;
    private final HeaderPolicy headers;
    private final V2Predictions v2;
    private final Compatibility compatibility;
    private final List<Route> routes = new ArrayList<>();

    Predictions(
        InferenceService inference,
        Optional<JobSubmission> jobs,
        ModelService models,
        Supplier<List<String>> startUpModels,
        HeaderPolicy headers,
        V2Predictions v2,
        Compatibility compatibility) {
      this.inference = inference;
      this.jobs = jobs;
      this.models = models;
      this.invokedModel = new InvokedModel(startUpModels);
      this.headers = headers;
      this.v2 = v2;
      this.compatibility = compatibility;
    }

    List<Route> routes() {
      PredictionRoute predict = PredictionRoute.PREDICTIONS;
      PredictionRoute explain = PredictionRoute.EXPLANATIONS;
      PredictionRoute query = PredictionRoute.INVOCATIONS;
      add("predictions", "/predictions/{model_name}", predict);
      add(
          "version_predictions",
          "/predictions/{model_name}/{model_version}/{url_path...}",
          predict);
      add("explanations", "/explanations/{model_name}", explain);
      add(
          "version_explanations",
          "/explanations/{model_name}/{model_version}/{url_path...}",
          explain);
      add("invocations", "/invocations", query);
      add("invoke", "/models/{model_name}/invoke", query);
      add("legacyPredict", "/{model_name}/predict", query);
      add("version_legacyPredict", "/{model_name}/{model_version}/predict", query);
      add("v1Predict", "/v1/models/{model_name}:predict", PredictionRoute.KSERVE_PREDICT);
      add("v1Explain", "/v1/models/{model_name}:explain", PredictionRoute.KSERVE_EXPLAIN);
      add("v2Predict", "/v2/models/{model_name}/infer", PredictionRoute.KSERVE_V2_PREDICT);
      add("v2Explain", "/v2/models/{model_name}/explain", PredictionRoute.KSERVE_V2_EXPLAIN);
      if (v2.versions()) {
        String version = "/v2/models/{model_name}/versions/{model_version}";
        add("version_v2Predict", version + "/infer", PredictionRoute.KSERVE_V2_PREDICT);
        add("version_v2Explain", version + "/explain", PredictionRoute.KSERVE_V2_EXPLAIN);
      }
      return routes;
    }

    private void add(String operationId, String path, PredictionRoute route) {
      PredictionHandler predictions =
          new PredictionHandler(inference, jobs, route, invokedModel, headers);
      RouteHandler handler =
          route.tensors() ? new TensorHandler(predictions, v2.conversions()) : predictions;
      routes.add(
          Route.of(PREDICT_METHODS, path, handler, operation(operationId, path, route))
              .withAccess(Access.INFERENCE)
              .acting());
      routes.add(
          Route.undocumented(
                  List.of(OPTIONS),
                  path,
                  ModelApiHandler.forPredictions(models, this::modelOf, compatibility))
              .withAccess(Access.INFERENCE));
    }

    private String modelOf(RoutedRequest request) {
      return request.modelName() != null
          ? request.modelName()
          : invokedModel.of(request.query()).orElseThrow(InvokedModel::missing);
    }

    private Operation operation(String id, String path, PredictionRoute route) {
      List<Parameter> query =
          path.contains("{model_name}")
              ? List.of()
              : List.of(
                  new Parameter(
                      "model_name",
                      "string",
                      false,
                      "Name of the model; may be left out if one model was loaded at start"));
      String verb =
          switch (route.kind()) {
            case PREDICT, DESCRIBE -> "Predict with ";
            case EXPLAIN -> "Explain a prediction of ";
          };
      String which =
          path.contains("{model_version}") ? "a version of a model" : "a model's default version";
      Operation operation =
          new Operation(
                  id,
                  verb + which + ".",
                  Body.INPUTS,
                  query,
                  JobSubmission.outcomes(
                      jobs, new Outcome(200, "*/*", "The response of the model's handler")))
              .failingWith(404, 504, 507)
              .withAnyStatus();
      return id.toLowerCase(Locale.ROOT).contains("legacy") ? operation.asDeprecated() : operation;
    }
  }
}
