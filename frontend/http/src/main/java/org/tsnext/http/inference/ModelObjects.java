package org.tsnext.http.inference;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.Optional;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ServedModels.ServedModel;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.RoutedRequest;

/**
 * The models as JSON for the two kinds of clients that ask {@code /v1/models}: those of OpenAI and
 * those of KServe v1. TorchServe 0.12 answers 200 for a model that is not ready, too.
 */
final class ModelObjects {

  private static final String OWNER = "torchserve-next";

  private final ModelService models;
  private final boolean statusTells;

  /**
   * @param statusTells whether a model that is not ready is answered with 503
   */
  ModelObjects(ModelService models, boolean statusTells) {
    this.models = models;
    this.statusTells = statusTells;
  }

  /** Answers with all models. */
  void list(RoutedRequest request) {
    JsonArray data = new JsonArray();
    JsonArray names = new JsonArray();
    models
        .served()
        .all()
        .forEach(
            model -> {
              data.add(object(model));
              names.add(model.id());
            });
    JsonObject json = new JsonObject();
    json.addProperty("object", "list");
    json.add("data", data);
    json.add("models", names);
    request.exchange().send(Response.json(200, json));
  }

  /** Answers with one model, and whether a worker has it loaded. */
  void one(RoutedRequest request) {
    String path = request.modelName();
    int verb = path.indexOf(':');
    String name = verb < 0 ? path : path.substring(0, verb);
    Optional<ServedModel> served = models.served().find(path).or(() -> models.served().find(name));
    if (served.isPresent()) {
      send(request, served.get());
      return;
    }
    if (name.indexOf('/') >= 0) {
      throw new ServingException(
          ErrorKind.MODEL_NOT_FOUND, "Model not found: " + Parameters.shown(name));
    }
    send(request, object(name, 0), name, models.readiness(name, Optional.empty()).ready());
  }

  private void send(RoutedRequest request, ServedModel model) {
    send(
        request,
        object(model),
        model.id(),
        models.readiness(model.modelName(), model.version()).ready());
  }

  private void send(RoutedRequest request, JsonObject json, String name, boolean ready) {
    json.addProperty("name", name);
    json.addProperty("ready", ready);
    request.exchange().send(Response.json(ready || !statusTells ? 200 : 503, json));
  }

  private static JsonObject object(ServedModel model) {
    return object(model.id(), model.since().getEpochSecond());
  }

  private static JsonObject object(String id, long created) {
    JsonObject json = new JsonObject();
    json.addProperty("id", id);
    json.addProperty("object", "model");
    json.addProperty("created", created);
    json.addProperty("owned_by", OWNER);
    return json;
  }
}
