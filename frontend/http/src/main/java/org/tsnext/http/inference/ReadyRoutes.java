package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;

import java.util.List;
import java.util.Objects;
import org.tsnext.api.HealthJson;
import org.tsnext.core.access.Access;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ReadinessReport;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RoutedRequest;

/**
 * The table of {@code /ready}: whether requests should be sent to this server, or to a model of it.
 */
final class ReadyRoutes {

  private static final String MODEL = "/ready/{model_name}";

  private final ModelService models;
  private final boolean reasons;

  private ReadyRoutes(ModelService models, boolean reasons) {
    this.models = Objects.requireNonNull(models, "models");
    this.reasons = reasons;
  }

  /**
   * The routes.
   *
   * @param reasons whether an answer that a model is not ready says why
   */
  static List<Route> of(ModelService models, boolean reasons) {
    ReadyRoutes made = new ReadyRoutes(models, reasons);
    return List.of(
        Route.of(
                List.of(GET),
                "/ready",
                request -> made.send(request, models.readiness()),
                operation(
                    "ready",
                    "Whether requests should be sent to this server: every model has its workers,"
                        + " with the model loaded, and the server is not shutting down."))
            .withAccess(Access.PROBE),
        made.ofModel("modelReady", MODEL, "a model's default version"),
        made.ofModel("version_modelReady", MODEL + "/{model_version}", "a version of a model"));
  }

  private Route ofModel(String id, String template, String what) {
    return Route.of(
            List.of(GET),
            template,
            request -> send(request, models.readiness(request.modelName(), request.modelVersion())),
            operation(
                    id,
                    "Whether requests for "
                        + what
                        + " should be sent to this server: a worker has it loaded.")
                .failingWith(404))
        .withAccess(Access.PROBE);
  }

  private void send(RoutedRequest request, ReadinessReport readiness) {
    int status = readiness.ready() ? 200 : 503;
    request.exchange().send(Response.json(status, HealthJson.of(readiness, reasons)));
  }

  private static Operation operation(String id, String summary) {
    return new Operation(
        id,
        summary,
        Body.NONE,
        List.of(),
        List.of(
            new Outcome(200, Response.APPLICATION_JSON, "Ready", Schemas.READY),
            new Outcome(
                503, Response.APPLICATION_JSON, "Not ready, with the cause", Schemas.READY)));
  }
}
