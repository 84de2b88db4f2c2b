package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.model.HealthReport;

/** Whether every model has its workers, and if not, which are short and why. */
public final class HealthJson {

  private HealthJson() {}

  /**
   * The body that says it.
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
    JsonArray shortModels = new JsonArray();
    for (HealthReport.ShortModel model : health.shortModels()) {
      JsonObject json = new JsonObject();
      json.addProperty("name", model.name());
      json.addProperty("version", model.version());
      json.addProperty("ready", model.ready());
      json.addProperty("min", model.min());
      if (form.showDetail()) {
        json.addProperty("reason", model.reason());
      }
      shortModels.add(json);
    }
    JsonObject body = Json.status("Unhealthy");
    body.add("models", shortModels);
    return body;
  }
}
