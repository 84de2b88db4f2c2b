package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import org.tsnext.api.Json;
import org.tsnext.core.access.Access;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;

/** What KServe's server has beside the two protocols, and its clients and probes ask. */
public final class KServeRoutes {

  private KServeRoutes() {}

  /** {@code GET /}: whether the server responds. */
  public static Route alive() {
    return Route.of(
            List.of(GET),
            "/",
            request -> request.exchange().send(Response.json(200, Json.status("alive"))),
            operation(
                "v1Live", "Whether the server responds (KServe v1).", "It does", Schemas.STATUS))
        .withAccess(Access.PROBE);
  }

  /** {@code GET /v2/models}: names of the registered models. */
  public static Route list(ModelService models) {
    return Route.of(
            List.of(GET),
            "/v2/models",
            request -> {
              JsonArray names = new JsonArray();
              models.list().forEach(model -> names.add(model.modelName()));
              JsonObject json = new JsonObject();
              json.add("models", names);
              request.exchange().send(Response.json(200, json));
            },
            operation("v2Models", "Names of the registered models.", "The names", Schemas.NAMES))
        .withAccess(Access.INFERENCE);
  }

  private static Operation operation(String id, String summary, String response, String schema) {
    return new Operation(
        id,
        summary,
        Body.NONE,
        List.of(),
        List.of(new Outcome(200, Response.APPLICATION_JSON, response, schema)));
  }
}
