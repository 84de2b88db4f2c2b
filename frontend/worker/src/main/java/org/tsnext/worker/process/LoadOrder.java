package org.tsnext.worker.process;

import com.google.gson.JsonObject;
import org.tsnext.core.worker.WorkerOrder;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.Outgoing;

/** Makes the LOAD message of a launch. */
public final class LoadOrder {

  private LoadOrder() {}

  public static Outgoing of(WorkerOrder order, WorkerSettings settings) {
    return new Outgoing.Json(FrameType.LOAD, 0, fields(order, settings).toString());
  }

  /** What is to be loaded. */
  static JsonObject fields(WorkerOrder order, WorkerSettings settings) {
    JsonObject json = new JsonObject();
    json.addProperty("model_name", order.modelName());
    json.addProperty("model_version", order.modelVersion());
    json.addProperty("model_dir", order.modelDirectory().toString());
    json.addProperty("handler", order.handler());
    json.addProperty("batch_size", order.batchSize());
    order.gpuId().ifPresent(gpu -> json.addProperty("gpu_id", gpu));
    order.envelope().ifPresent(envelope -> json.addProperty("envelope", envelope));
    json.addProperty("limit_max_image_pixels", settings.switches().limitMaxImagePixels());
    json.addProperty("decode_input_request", settings.switches().decodeInputRequest());
    settings.metricsConfig().ifPresent(p -> json.addProperty("metrics_config", p.toString()));
    json.addProperty("max_request_size", settings.maxRequestSize());
    json.addProperty("max_response_size", settings.maxResponseSize());
    json.addProperty("async", order.async());
    return json;
  }
}
