package org.tsnext.http.inference;

import com.google.gson.JsonObject;
import java.util.Optional;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/** KServe v1 readiness, {@code GET /v1/models/{model}}: whether a worker has the model loaded. */
public final class ReadinessHandler implements RouteHandler {

  private final ModelService models;

  public ReadinessHandler(ModelService models) {
    this.models = models;
  }

  @Override
  public void handle(RoutedRequest request) {
    String segment = request.modelName();
    int verb = segment.indexOf(':');
    String model = verb < 0 ? segment : segment.substring(0, verb);
    JsonObject json = new JsonObject();
    json.addProperty("name", model);
    json.addProperty("ready", models.readiness(model, Optional.empty()).ready());
    request.exchange().send(Response.json(200, json));
  }
}
