package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.model.HealthReport.ShortModel;
import org.tsnext.core.model.ReadinessReport;

/** What probes are answered: whether all is well, and if not, what is missing and why. */
public final class HealthJson {

  private HealthJson() {}

  /**
   * Whether every model has its workers: the body of {@code /ping}.
   *
   * @param form whether to name the models, and to say why, which may repeat the text of a
   *     handler's exception
   */
  public static JsonObject of(HealthReport health, ErrorForm form) {
    if (health.healthy()) {
      return Json.status("Healthy");
    }
    if (form.isOriginal(Deviation.UNHEALTHY_PING)) {
      return Json.status("Unhealthy");
    }
    JsonObject body = Json.status("Unhealthy");
    body.add("models", models(health.shortModels(), form.showDetail()));
    return body;
  }

  /**
   * Whether requests should be sent here: the body of {@code /ready}.
   *
   * @param reasons whether to say why a model is not ready
   */
  public static JsonObject of(ReadinessReport readiness, boolean reasons) {
    if (readiness.ready()) {
      return Json.status("Ready");
    }
    JsonObject body = Json.status("NotReady");
    if (!readiness.reason().isEmpty()) {
      body.addProperty("reason", readiness.reason());
    }
    if (!readiness.notReady().isEmpty()) {
      body.add("models", models(readiness.notReady(), reasons));
    }
    return body;
  }

  private static JsonArray models(List<ShortModel> models, boolean reasons) {
    JsonArray array = new JsonArray();
    for (ShortModel model : models) {
      JsonObject json = new JsonObject();
      json.addProperty("name", model.name());
      json.addProperty("version", model.version());
      json.addProperty("ready", model.ready());
      json.addProperty("min", model.min());
      if (reasons) {
        json.addProperty("reason", model.reason());
      }
      array.add(json);
    }
    return array;
  }
}
