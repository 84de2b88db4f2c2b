package org.tsnext.http.inference;

import com.google.gson.JsonObject;
import java.util.Optional;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/**
 * KServe v1 readiness, {@code GET /v1/models/{model}}: whether a worker has the model loaded.
 * KServe's probes look at the status only; TorchServe 0.12 answers 200 whatever the body says.
 */
public final class ReadinessHandler implements RouteHandler {

  private final ModelService models;
  private final boolean kserve;

  /**
   * @param kserve whether the status says it, too
   */
  public ReadinessHandler(ModelService models, boolean kserve) {
    this.models = models;
    this.kserve = kserve;
  }

  @Override
  public void handle(RoutedRequest request) {
    String segment = request.modelName();
    int verb = segment.indexOf(':');
    String model = verb < 0 ? segment : segment.substring(0, verb);
    JsonObject json = new JsonObject();
    json.addProperty("name", model);
    boolean ready = models.readiness(model, Optional.empty()).ready();
    json.addProperty("ready", ready);
    request.exchange().send(Response.json(ready || !kserve ? 200 : 503, json));
  }
}
