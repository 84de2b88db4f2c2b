package org.tsnext.http.management;

import static io.netty.handler.codec.http.HttpMethod.DELETE;
import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.OPTIONS;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.inference.InferenceRoutes;
import org.tsnext.http.openapi.ModelApiHandler;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;

/** The table of the management listener's own routes. */
public final class ManagementRoutes {

  private static final String JSON = "application/json";
  private static final String MODEL = "/models/{model_name}";
  private static final String VERSION = "/models/{model_name}/{model_version}";

  private static final Outcome WORKERS_LOADING =
      new Outcome(206, JSON, "Not all workers run yet; they go on starting");
  private static final Outcome ACCEPTED =
      new Outcome(202, JSON, "The order was accepted; workers are started in the background");

  private ManagementRoutes() {}

  /**
   * Builds the routes.
   *
   * @param modelApi whether models may be registered and unregistered
   * @param serverVersion for the per-model API descriptions
   */
  public static List<Route> of(
      ModelService models, InferenceService inference, boolean modelApi, String serverVersion) {
    ModelHandlers handlers = new ModelHandlers(models, inference, modelApi);
    List<Route> routes = new ArrayList<>();
    routes.add(route(GET, "/models", handlers::list, list()));
    routes.add(route(POST, "/models", handlers::register, register()));
    for (String template : List.of(MODEL, VERSION)) {
      String prefix = template.equals(VERSION) ? "version_" : "";
      routes.add(route(GET, template, handlers::describe, describe(prefix)));
      routes.add(route(PUT, template, handlers::scale, scale(prefix)));
      routes.add(route(DELETE, template, handlers::unregister, unregister(prefix)));
    }
    routes.add(route(PUT, VERSION + "/set-default", handlers::setDefault, setDefault()));
    RouteHandler description =
        ModelApiHandler.forManagement(models, List.copyOf(routes), serverVersion);
    routes.add(Route.undocumented(List.of(OPTIONS), MODEL, description));
    routes.add(Route.undocumented(List.of(OPTIONS), VERSION, description));
    routes.add(InferenceRoutes.workflow("/workflows"));
    routes.add(InferenceRoutes.workflow("/workflows/{workflow_name}"));
    return routes;
  }

  private static Route route(
      HttpMethod method, String template, RouteHandler handler, Operation operation) {
    return Route.of(List.of(method), template, handler, operation);
  }

  private static Operation list() {
    return operation(
        "listModels",
        "The registered models, sorted by name.",
        List.of(
            new Parameter("limit", "integer", false, "Models per page, 1 to 100; 100 if not given"),
            new Parameter("next_page_token", "integer", false, "nextPageToken of the page before")),
        List.of(new Outcome(200, JSON, "A page of models")));
  }

  private static Operation register() {
    return operation(
        "registerModel",
        "Register a model; parameters may also come as a JSON object or a form.",
        List.of(
            new Parameter(
                "url", "string", true, "Name of the archive in the model store, or a URL"),
            new Parameter("model_name", "string", false, "Default: the manifest's name"),
            new Parameter("handler", "string", false, "Default: the manifest's handler"),
            new Parameter("runtime", "string", false, "python, python3 or LSP"),
            new Parameter("batch_size", "integer", false, "Requests per batch, at most"),
            new Parameter("max_batch_delay", "integer", false, "Milliseconds a batch may wait"),
            new Parameter("initial_workers", "integer", false, "Workers to start"),
            new Parameter("synchronous", "boolean", false, "Wait for the workers; default true"),
            new Parameter("response_timeout", "integer", false, "Seconds"),
            new Parameter("startup_timeout", "integer", false, "Seconds")),
        List.of(new Outcome(200, JSON, "Registered"), ACCEPTED, WORKERS_LOADING));
  }

  private static Operation describe(String prefix) {
    return operation(
        prefix + "describeModel",
        "Describe a model and its workers.",
        List.of(
            new Parameter(
                "customized", "boolean", false, "Ask the handler too; adds customizedMetadata")),
        List.of(new Outcome(200, JSON, "One description per version")));
  }

  private static Operation scale(String prefix) {
    List<Parameter> query = new ArrayList<>();
    query.add(new Parameter("min_worker", "integer", false, "Workers at least; default 1"));
    query.add(new Parameter("max_worker", "integer", false, "Workers at most; default min_worker"));
    if (prefix.isEmpty()) {
      query.add(new Parameter("model_version", "string", false, "Default: the default version"));
    }
    query.add(
        new Parameter("synchronous", "boolean", false, "Wait for the workers; default false"));
    query.add(
        new Parameter(
            "timeout",
            "integer",
            false,
            "Seconds a worker that goes may finish its work; -1: all"));
    return operation(
        prefix + "setAutoScale",
        "Set the number of workers.",
        query,
        List.of(new Outcome(200, JSON, "Scaled"), ACCEPTED, WORKERS_LOADING));
  }

  private static Operation unregister(String prefix) {
    return operation(
        prefix + "unregisterModel",
        "Finish what runs, then remove the model version.",
        List.of(),
        List.of(new Outcome(200, JSON, "Unregistered")));
  }

  private static Operation setDefault() {
    return operation(
        "setDefault",
        "Make this the version that requests without a version get.",
        List.of(),
        List.of(new Outcome(200, JSON, "Done")));
  }

  private static Operation operation(
      String id, String summary, List<Parameter> query, List<Outcome> responses) {
    return new Operation(id, summary, Body.NONE, query, responses);
  }
}
