package org.tsnext.http.management;

import static io.netty.handler.codec.http.HttpMethod.DELETE;
import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.OPTIONS;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tsnext.api.ModelOperations;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.http.openapi.ModelApiHandler;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.request.QueryParameters;
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
      new Outcome(206, JSON, "Not all workers run yet; they go on starting", Schemas.STATUS);
  private static final Outcome ACCEPTED =
      new Outcome(202, JSON, "Accepted; workers are started in the background", Schemas.STATUS);

  /** Documented by TorchServe 0.12, without effect there as well. */
  private static final Map<HttpMethod, Set<String>> IGNORED =
      Map.of(PUT, Set.of("number_gpu"), DELETE, Set.of("synchronous", "timeout"));

  private final Compatibility compatibility;

  private ManagementRoutes(Compatibility compatibility) {
    this.compatibility = compatibility;
  }

  /**
   * Builds the routes.
   *
   * @param operations what the routes do
   * @param serverVersion for the per-model API descriptions
   */
  public static List<Route> of(
      ModelOperations operations,
      ModelService models,
      InferenceService inference,
      String serverVersion,
      Compatibility compatibility) {
    ModelHandlers handlers = new ModelHandlers(operations, inference);
    ManagementRoutes checked = new ManagementRoutes(compatibility);
    List<Route> routes = new ArrayList<>();
    routes.add(checked.route(GET, "/models", handlers::list, list()));
    KnownParameters ofRegistration = KnownParameters.of(register(), Set.of(), compatibility);
    routes.add(
        checked.route(
            POST, "/models", request -> handlers.register(request, ofRegistration), register()));
    for (String template : List.of(MODEL, VERSION)) {
      String prefix = template.equals(VERSION) ? "version_" : "";
      routes.add(
          checked
              .route(GET, template, handlers::describe, describe(prefix))
              .actingIf(ManagementRoutes::asksTheHandler));
      routes.add(checked.route(PUT, template, handlers::scale, scale(prefix)));
      routes.add(checked.route(DELETE, template, handlers::unregister, unregister(prefix)));
    }
    routes.add(checked.route(PUT, VERSION + "/set-default", handlers::setDefault, setDefault()));
    RouteHandler description =
        ModelApiHandler.forManagement(models, List.copyOf(routes), serverVersion);
    routes.add(Route.undocumented(List.of(OPTIONS), MODEL, description));
    routes.add(Route.undocumented(List.of(OPTIONS), VERSION, description));
    return routes;
  }

  /** A route whose query may have no other parameters than those of its operation. */
  private Route route(
      HttpMethod method, String template, RouteHandler handler, Operation operation) {
    Set<String> ignored = IGNORED.getOrDefault(method, Set.of());
    return KnownParameters.of(operation, ignored, compatibility)
        .route(method, template, handler, operation);
  }

  private static boolean asksTheHandler(QueryParameters query) {
    return query.get("customized").filter("true"::equalsIgnoreCase).isPresent();
  }

  private static Operation list() {
    return operation(
        "listModels",
        "The registered models, sorted by name.",
        pages("Models"),
        List.of(new Outcome(200, JSON, "A page of models", Schemas.MODELS)));
  }

  /** The parameters of a list that comes in pages of {@code what}. */
  static List<Parameter> pages(String what) {
    return List.of(
        new Parameter("limit", "integer", false, what + " per page; other values mean the default")
            .with("default", 100),
        new Parameter("next_page_token", "integer", false, "nextPageToken of the page before"));
  }

  private static Operation register() {
    return new Operation(
            "registerModel",
            "Register a model. -1 means that a number is not given.",
            Body.PARAMETERS,
            List.of(
                new Parameter(
                    "url",
                    "string",
                    false,
                    "Name of the archive in the model store, or a URL; needed, here or in the body"),
                new Parameter("model_name", "string", false, "Default: the manifest's name"),
                new Parameter("handler", "string", false, "Default: the manifest's handler"),
                new Parameter("runtime", "string", false, "Default: the manifest's, or python")
                    .with("enum", List.of("python", "python3")),
                number("batch_size", "Requests per batch, 1 or more; default: 1")
                    .with("maximum", ServingSettings.MAX_BATCH_SIZE),
                number(
                        "max_batch_delay",
                        "Milliseconds that a batch which is not full waits; default: 100")
                    .with("maximum", ServingSettings.MAX_BATCH_DELAY.toMillis()),
                number(
                        "initial_workers",
                        "Workers to start; default: default_workers_per_model, or 0")
                    .with("maximum", ServingSettings.MAX_WORKERS),
                new Parameter("synchronous", "boolean", false, "Wait for the workers")
                    .with("default", true),
                number(
                    "response_timeout",
                    "Seconds that a worker may be silent on what it runs; default:"
                        + " default_response_timeout"),
                number(
                    "startup_timeout",
                    "Seconds that a worker may take to load; default: default_startup_timeout"),
                new Parameter(
                        "s3_sse_kms", "boolean", false, "Sign the download from S3 (AWS SigV4)")
                    .with("default", false)),
            List.of(done("Registered"), ACCEPTED, WORKERS_LOADING))
        .failingWith(404, 405, 409, 504, 507);
  }

  /** A number of a registration, of which -1 is not given. */
  private static Parameter number(String name, String description) {
    return new Parameter(name, "integer", false, description).with("minimum", -1);
  }

  private static Operation describe(String prefix) {
    return operation(
            prefix + "describeModel",
            "Describe a model and its workers.",
            List.of(
                new Parameter(
                        "customized",
                        "boolean",
                        false,
                        "Ask the handler too; adds customizedMetadata")
                    .with("default", false)),
            List.of(new Outcome(200, JSON, "One description per version", Schemas.MODEL_VERSIONS)))
        .failingWith(404, 504, 507)
        .withAnyStatus();
  }

  private static Operation scale(String prefix) {
    List<Parameter> query = new ArrayList<>();
    query.add(
        new Parameter("min_worker", "integer", false, "Workers at least")
            .with("minimum", 0)
            .with("maximum", ServingSettings.MAX_WORKERS)
            .with("default", 1));
    query.add(
        new Parameter("max_worker", "integer", false, "Workers at most; default: min_worker")
            .with("minimum", 0)
            .with("maximum", ServingSettings.MAX_WORKERS));
    if (prefix.isEmpty()) {
      query.add(new Parameter("model_version", "string", false, "Default: the default version"));
    }
    query.add(
        new Parameter("synchronous", "boolean", false, "Wait for the workers")
            .with("default", false));
    query.add(
        new Parameter(
                "timeout",
                "integer",
                false,
                "Seconds that a worker which goes has to finish its work; -1: no limit")
            .with("minimum", -1));
    return operation(
            prefix + "setAutoScale",
            "Set the number of workers of the default or the given version.",
            query,
            List.of(done("Scaled"), ACCEPTED, WORKERS_LOADING))
        .failingWith(404, 409, 504, 507);
  }

  private static Operation unregister(String prefix) {
    return operation(
            prefix + "unregisterModel",
            "Finish what runs, then remove the model version; the default one only as the last.",
            List.of(),
            List.of(done("Unregistered")))
        .failingWith(404, 405, 408, 409);
  }

  private static Operation setDefault() {
    return operation(
            "setDefault",
            "Make this the version that requests without a version get.",
            List.of(),
            List.of(done("Done")))
        .failingWith(404, 409);
  }

  private static Outcome done(String description) {
    return new Outcome(200, JSON, description, Schemas.STATUS);
  }

  private static Operation operation(
      String id, String summary, List<Parameter> query, List<Outcome> responses) {
    return new Operation(id, summary, Body.NONE, query, responses);
  }
}
