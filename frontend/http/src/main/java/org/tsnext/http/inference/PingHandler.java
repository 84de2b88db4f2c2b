package org.tsnext.http.inference;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.response.Json;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/** {@code /ping}: whether every model has its workers, and if not, which are short and why. */
final class PingHandler implements RouteHandler {

  private static final int UNHEALTHY = 500;

  private final ModelService models;

  PingHandler(ModelService models) {
    this.models = models;
  }

  @Override
  public void handle(RoutedRequest request) {
    HealthReport health = models.health();
    request
        .exchange()
        .send(
            health.healthy()
                ? Response.ok("Healthy")
                : Response.json(UNHEALTHY, unhealthy(health)));
  }

  private static JsonObject unhealthy(HealthReport health) {
    JsonArray shortModels = new JsonArray();
    for (HealthReport.ShortModel model : health.shortModels()) {
      JsonObject json = new JsonObject();
      json.addProperty("name", model.name());
      json.addProperty("version", model.version());
      json.addProperty("ready", model.ready());
      json.addProperty("min", model.min());
      json.addProperty("reason", model.reason());
      shortModels.add(json);
    }
    JsonObject body = Json.status("Unhealthy");
    body.add("models", shortModels);
    return body;
  }
}
