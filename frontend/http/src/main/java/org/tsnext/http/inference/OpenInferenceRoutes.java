package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.api.OpenInference;
import org.tsnext.core.access.Access;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/**
 * What the Open Inference Protocol (KServe v2) asks beside predictions. What is not ready is
 * answered 503, so that probes, which look at the status only, understand it.
 */
public final class OpenInferenceRoutes {

  private static final String MODEL = "/v2/models/{model_name}";
  private static final String VERSION = MODEL + "/versions/{model_version}";

  private final OpenInference protocol;
  private final List<Route> routes = new ArrayList<>();

  private OpenInferenceRoutes(OpenInference protocol) {
    this.protocol = protocol;
  }

  /**
   * The routes.
   *
   * @param serverVersion shown in the metadata
   */
  public static List<Route> of(OpenInference protocol, String serverVersion) {
    OpenInferenceRoutes made = new OpenInferenceRoutes(protocol);
    made.addServer(OpenInference.server(serverVersion));
    made.addModels();
    return made.routes;
  }

  private void addServer(JsonObject metadata) {
    add(
        "/v2",
        Access.DESCRIPTION,
        request -> request.exchange().send(Response.json(200, metadata)),
        operation(
            "v2Server",
            "Name, version and extensions of the server.",
            "The server",
            Schemas.V2_SERVER));
    JsonObject live = flag("live", true);
    add(
        "/v2/health/live",
        Access.PROBE,
        request -> request.exchange().send(Response.json(200, live)),
        operation("v2Live", "Whether the server responds.", "It does", Schemas.V2_LIVE));
    add(
        "/v2/health/ready",
        Access.PROBE,
        request -> sendReadiness(request, flag("ready", protocol.isReady())),
        readiness(
            "v2Ready",
            "Whether every model has the workers that it should have, with the model loaded.",
            Schemas.V2_READY));
  }

  private void addModels() {
    for (String template : List.of(MODEL, VERSION)) {
      String prefix = template.equals(VERSION) ? "version_" : "";
      add(
          template,
          Access.INFERENCE,
          request ->
              request
                  .exchange()
                  .send(
                      Response.json(
                          200, protocol.model(request.modelName(), request.modelVersion()))),
          operation(
                  prefix + "v2Model",
                  "Name and versions of a model.",
                  "The model",
                  Schemas.V2_MODEL)
              .failingWith(404));
      add(
          template + "/ready",
          Access.PROBE,
          request ->
              sendReadiness(
                  request, protocol.readiness(request.modelName(), request.modelVersion())),
          readiness(
                  prefix + "v2ModelReady",
                  "Whether a worker of the version has the model loaded.",
                  Schemas.READINESS)
              .failingWith(404));
    }
  }

  private void add(String template, Access access, RouteHandler handler, Operation operation) {
    routes.add(Route.of(List.of(GET), template, handler, operation).withAccess(access));
  }

  private static void sendReadiness(RoutedRequest request, JsonObject readiness) {
    int status = readiness.get("ready").getAsBoolean() ? 200 : 503;
    request.exchange().send(Response.json(status, readiness));
  }

  private static JsonObject flag(String name, boolean value) {
    JsonObject json = new JsonObject();
    json.addProperty(name, value);
    return json;
  }

  private static Operation operation(String id, String summary, String response, String schema) {
    return new Operation(
        id, summary, Body.NONE, List.of(), List.of(outcome(200, response, schema)));
  }

  private static Operation readiness(String id, String summary, String schema) {
    return new Operation(
        id,
        summary,
        Body.NONE,
        List.of(),
        List.of(outcome(200, "It is", schema), outcome(503, "Not yet, or no longer", schema)));
  }

  private static Outcome outcome(int status, String description, String schema) {
    return new Outcome(status, Response.APPLICATION_JSON, description, schema);
  }
}
