package org.tsnext.worker.process;

import com.google.gson.JsonObject;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.Outgoing;

/** Makes the LOAD message of a worker. */
public final class LoadMessage {

  private LoadMessage() {}

  public static Outgoing of(WorkerSpec spec, WorkerSettings settings) {
    return new Outgoing.Json(FrameType.LOAD, 0, fields(spec, settings).toString());
  }

  /** What is to be loaded. */
  static JsonObject fields(WorkerSpec spec, WorkerSettings settings) {
    JsonObject json = new JsonObject();
    json.addProperty("model_name", spec.modelName());
    json.addProperty("model_version", spec.modelVersion());
    json.addProperty("model_dir", spec.model().directory().toString());
    json.addProperty("handler", spec.model().handler());
    json.addProperty("batch_size", spec.model().batchSize());
    spec.gpus().device().ifPresent(gpu -> json.addProperty("gpu_id", gpu));
    spec.model().envelope().ifPresent(envelope -> json.addProperty("envelope", envelope));
    json.addProperty(
        "limit_max_image_pixels", settings.handlers().switches().limitMaxImagePixels());
    json.addProperty("decode_input_request", settings.handlers().switches().decodeInputRequest());
    settings
        .handlers()
        .metricsConfig()
        .ifPresent(p -> json.addProperty("metrics_config", p.toString()));
    json.addProperty("max_request_size", settings.bodies().maxRequestSize());
    json.addProperty("max_response_size", settings.bodies().maxResponseSize());
    json.addProperty("async", spec.model().async());
    if (spec.model().withdrawable()) {
      json.addProperty("control", true);
    }
    spec.ranks().ifPresent(ranks -> json.addProperty("parallel_type", ranks.type().yamlName()));
    return json;
  }
}
