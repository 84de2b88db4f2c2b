package org.tsnext.http.openapi;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;

import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;

/**
 * Which routes the API descriptions of TorchServe 0.12 list, and under which operation ids. They
 * leave others out, name one that it does not serve, and use an id more than once.
 */
final class OriginalDescription {

  private static final String METRICS = "/metrics";
  private static final String PREDICTIONS = "predictions";
  private static final String MODEL = "/models/{model_name}";
  private static final String VERSION = MODEL + "/{model_version}";

  private static final Set<String> PATHS =
      Set.of(
          "/",
          "/api-description",
          "/ping",
          "/v1/models/{model_name}:predict",
          "/v2/models/{model_name}/infer",
          "/predictions/{model_name}",
          "/predictions/{model_name}/{model_version}",
          "/models",
          MODEL,
          VERSION,
          VERSION + "/set-default",
          METRICS);

  private static final Map<String, String> OTHER_IDS =
      Map.of(
          "/v1/models/{model_name}:predict", PREDICTIONS,
          "/v2/models/{model_name}/infer", PREDICTIONS);

  private OriginalDescription() {}

  /** The routes as 0.12 lists those of a listener. */
  static List<Route> of(List<Route> routes) {
    List<Route> listed = new ArrayList<>();
    for (Route route : routes) {
      String path = route.template().documented();
      if (PATHS.contains(path)) {
        listed.add(OTHER_IDS.containsKey(path) ? renamed(route, OTHER_IDS.get(path)) : route);
      }
    }
    if (listed.stream().noneMatch(route -> route.template().documented().equals(METRICS))) {
      listed.add(documented(List.of(GET), METRICS, metrics()));
    }
    return listed;
  }

  /** The routes in the description of one model; the first is not one that is served. */
  static List<Route> ofModel(String model) {
    return List.of(
        documented(List.of(POST), "/prediction/" + model, prediction(model)),
        documented(List.of(POST), "/v1/models/{model_name}:predict", prediction(model)),
        documented(List.of(POST), "/v2/models/{model_name}/infer", prediction(model)));
  }

  private static Route renamed(Route route, String id) {
    Optional<Operation> operation = route.operation().map(described -> described.withId(id));
    return new Route(
        route.methods(),
        route.template(),
        route.handler(),
        operation,
        route.access(),
        route.acts());
  }

  private static Route documented(List<HttpMethod> methods, String path, Operation operation) {
    return Route.of(methods, path, request -> {}, operation);
  }

  private static Operation metrics() {
    return new Operation(
        "metrics",
        "Get TorchServe application metrics in prometheus format.",
        Body.NONE,
        List.of(new Parameter("name[]", "string", false, "Names of metrics to filter")),
        List.of(new Outcome(200, "text/plain; version=0.0.4; charset=utf-8", "The metrics")));
  }

  private static Operation prediction(String model) {
    return new Operation(
        model,
        "A prediction of the model.",
        Body.INPUTS,
        List.of(),
        List.of(new Outcome(200, Response.APPLICATION_JSON, "The response of the handler")));
  }
}
