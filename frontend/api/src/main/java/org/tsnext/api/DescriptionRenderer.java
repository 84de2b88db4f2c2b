package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.model.Diagnosis;
import org.tsnext.core.model.ModelDescription;
import org.tsnext.core.model.ModelDescription.Worker;
import org.tsnext.core.worker.Recovery;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerExit;

/** A model description as JSON: the members of TorchServe 0.12, then what is new. */
final class DescriptionRenderer {

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private DescriptionRenderer() {}

  static JsonObject render(ModelDescription model) {
    ModelConfig config = model.config();
    JsonObject json = new JsonObject();
    json.addProperty("modelName", model.modelName());
    json.addProperty("modelVersion", model.modelVersion());
    json.addProperty("modelUrl", model.modelUrl());
    json.addProperty("runtime", model.runtime());
    json.addProperty("minWorkers", model.minWorkers());
    json.addProperty("maxWorkers", model.maxWorkers());
    json.addProperty("batchSize", model.batchSize());
    json.addProperty("maxBatchDelay", model.maxBatchDelay().toMillis());
    if (model.adaptiveBatchDelay()) {
      json.addProperty("adaptiveBatchDelay", true);
    }
    json.addProperty("responseTimeout", model.responseTimeout().toSeconds());
    json.addProperty("startupTimeout", model.startupTimeout().toSeconds());
    json.addProperty("maxRetryTimeoutInSec", model.maxRetryTimeout().toSeconds());
    json.addProperty("clientTimeoutInMills", model.clientTimeout().toMillis());
    json.addProperty(
        "parallelType", config.parallelType().map(ModelConfig.ParallelType::yamlName).orElse(""));
    json.addProperty("parallelLevel", config.parallelLevel());
    json.addProperty("deviceType", model.gpu() ? "gpu" : "cpu");
    if (!config.deviceIds().isEmpty()) {
      JsonArray ids = new JsonArray();
      config.deviceIds().forEach(ids::add);
      json.add("deviceIds", ids);
    }
    json.addProperty("continuousBatching", config.continuousBatching());
    json.addProperty("useJobTicket", config.useJobTicket());
    json.addProperty("useVenv", config.useVenv());
    json.addProperty("stateful", config.sequenceBatching());
    json.addProperty("sequenceMaxIdleMSec", config.sequenceMaxIdle().toMillis());
    json.addProperty("sequenceTimeoutMSec", config.sequenceTimeout().toMillis());
    json.addProperty("maxNumSequence", config.sequenceBatching() ? config.maxNumSequence() : 0);
    json.addProperty(
        "maxSequenceJobQueueSize",
        config.sequenceBatching() ? config.maxSequenceJobQueueSize() : 0);
    json.addProperty("loadedAtStartup", model.loadedAtStartup());
    json.add("workers", workers(model));
    json.add("jobQueueStatus", queue(model));
    json.addProperty("defaultVersion", model.defaultVersion());
    json.add("settingSources", sources(model));
    diagnosis(model, json);
    return json;
  }

  /** Why the version is not as it should be, if it is not. */
  private static void diagnosis(ModelDescription model, JsonObject json) {
    Diagnosis diagnosis = model.diagnosis();
    json.addProperty("state", diagnosis.state().name());
    json.addProperty("readyWorkers", diagnosis.readyWorkers());
    addGiven(json, "reason", diagnosis.reason());
    diagnosis
        .recovery()
        .ifPresent(recovery -> json.add("recovery", recovery(recovery, model.maxRetryTimeout())));
    model.lastError().ifPresent(error -> json.add("lastError", error(error)));
    model.lastLoadError().ifPresent(error -> json.add("lastLoadError", error(error)));
  }

  private static JsonArray workers(ModelDescription model) {
    JsonArray workers = new JsonArray();
    model.workers().forEach(worker -> workers.add(worker(worker, model.maxRetryTimeout())));
    return workers;
  }

  private static JsonObject worker(Worker worker, Duration window) {
    JsonObject json = new JsonObject();
    json.addProperty("id", worker.id());
    json.addProperty("startTime", time(worker.startTime()));
    json.addProperty("status", worker.status());
    json.addProperty("memoryUsage", worker.memoryBytes());
    worker.pid().ifPresent(pid -> json.addProperty("pid", pid));
    json.addProperty("gpu", worker.gpu());
    json.addProperty("gpuUsage", worker.gpuUsage().orElse("N/A"));
    json.addProperty("state", worker.state().name());
    json.addProperty("stateSince", time(worker.stateSince()));
    json.addProperty("restarts", worker.restarts());
    json.addProperty("inFlight", worker.inFlight());
    json.addProperty("window", worker.window());
    worker.recovery().ifPresent(recovery -> json.add("recovery", recovery(recovery, window)));
    worker.lastExit().ifPresent(exit -> json.add("lastExit", exit(exit)));
    worker.lastError().ifPresent(error -> json.add("lastError", error(error)));
    return json;
  }

  private static JsonObject recovery(Recovery recovery, Duration window) {
    JsonObject json = new JsonObject();
    json.addProperty("failures", recovery.failures());
    json.addProperty("since", time(recovery.since()));
    recovery.nextAttempt().ifPresent(next -> json.addProperty("nextAttempt", time(next)));
    json.addProperty("windowEnd", time(recovery.since().plus(window)));
    return json;
  }

  private static JsonObject exit(WorkerExit exit) {
    JsonObject json = new JsonObject();
    json.addProperty("time", time(exit.time()));
    exit.code().ifPresent(code -> json.addProperty("code", code));
    exit.signal().ifPresent(signal -> json.addProperty("signal", signal));
    addGiven(json, "reason", exit.reason());
    return json;
  }

  private static JsonObject queue(ModelDescription model) {
    JsonObject json = new JsonObject();
    json.addProperty("remainingCapacity", Math.max(0, model.queueCapacity() - model.queueLength()));
    json.addProperty("pendingRequests", model.queueLength());
    return json;
  }

  private static JsonObject sources(ModelDescription model) {
    JsonObject json = new JsonObject();
    model.settingSources().forEach(json::addProperty);
    return json;
  }

  private static JsonObject error(WorkerError error) {
    JsonObject json = new JsonObject();
    json.addProperty("time", time(error.time()));
    addGiven(json, "type", error.type());
    addGiven(json, "message", error.message());
    addGiven(json, "detail", error.detail());
    addGiven(json, "traceback", error.traceback());
    return json;
  }

  private static void addGiven(JsonObject json, String name, String value) {
    if (!value.isEmpty()) {
      json.addProperty(name, value);
    }
  }

  private static String time(Instant instant) {
    return TIME.format(instant);
  }
}
