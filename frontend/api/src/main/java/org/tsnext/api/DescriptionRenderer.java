package org.tsnext.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.tsnext.archive.ModelConfig;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
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

  private static final String READY = "READY";
  private static final String UNLOADING = "UNLOADING";

  private DescriptionRenderer() {}

  static JsonObject render(ModelDescription model, Compatibility compatibility) {
    boolean original = compatibility.isOriginal(Deviation.DESCRIPTION_MEMBERS);
    ModelConfig config = model.settings().config();
    JsonObject json = new JsonObject();
    json.addProperty("modelName", model.modelName());
    json.addProperty("modelVersion", model.modelVersion());
    if (!model.identity().url().isEmpty()) {
      json.addProperty("modelUrl", model.identity().url());
    }
    json.addProperty("runtime", model.identity().runtime());
    json.addProperty("minWorkers", model.settings().workers().min());
    json.addProperty("maxWorkers", model.settings().workers().max());
    json.addProperty("batchSize", model.settings().batching().size());
    json.addProperty("maxBatchDelay", model.settings().batching().maxDelay().toMillis());
    if (model.settings().batching().adaptiveDelay() && !original) {
      json.addProperty("adaptiveBatchDelay", true);
    }
    json.addProperty("responseTimeout", model.settings().timeouts().response().toSeconds());
    json.addProperty("startupTimeout", model.settings().timeouts().startup().toSeconds());
    json.addProperty("maxRetryTimeoutInSec", model.settings().timeouts().maxRetry().toSeconds());
    json.addProperty("clientTimeoutInMills", model.settings().timeouts().client().toMillis());
    json.addProperty(
        "parallelType",
        config.devices().parallelType().map(ModelConfig.ParallelType::yamlName).orElse(""));
    json.addProperty("parallelLevel", config.devices().parallelLevel());
    json.addProperty("deviceType", model.settings().devices().gpu() ? "gpu" : "cpu");
    if (!config.devices().ids().isEmpty()) {
      JsonArray ids = new JsonArray();
      config.devices().ids().forEach(ids::add);
      json.add("deviceIds", ids);
    }
    json.addProperty("continuousBatching", config.batching().continuous());
    json.addProperty("useJobTicket", config.queue().useJobTicket());
    json.addProperty("useVenv", config.workers().useVenv());
    json.addProperty("stateful", config.sequences().batching());
    json.addProperty("sequenceMaxIdleMSec", config.sequences().maxIdle().toMillis());
    json.addProperty("sequenceTimeoutMSec", config.sequences().timeout().toMillis());
    json.addProperty(
        "maxNumSequence", config.sequences().batching() ? config.sequences().maxNumber() : 0);
    json.addProperty(
        "maxSequenceJobQueueSize",
        config.sequences().batching() ? config.sequences().queueCapacity() : 0);
    json.addProperty("loadedAtStartup", model.identity().loadedAtStartup());
    json.add("workers", workers(model, original));
    json.add("jobQueueStatus", queue(model));
    if (!original) {
      json.addProperty("defaultVersion", model.identity().defaultVersion());
      json.add("settingSources", sources(model));
      diagnosis(model, json);
    }
    return json;
  }

  /** Why the version is not as it should be, if it is not. */
  private static void diagnosis(ModelDescription model, JsonObject json) {
    Diagnosis diagnosis = model.condition().diagnosis();
    json.addProperty("state", diagnosis.state().name());
    json.addProperty("readyWorkers", diagnosis.readyWorkers());
    addGiven(json, "reason", diagnosis.reason());
    diagnosis
        .recovery()
        .ifPresent(
            recovery ->
                json.add("recovery", recovery(recovery, model.settings().timeouts().maxRetry())));
    Optional<WorkerError> last = model.condition().lastError();
    last.ifPresent(error -> json.add("lastError", error(error)));
    model
        .condition()
        .lastLoadError()
        .ifPresent(error -> json.add("lastLoadError", error(toldOnce(error, last))));
  }

  /** A traceback that the member {@code lastError} has is not repeated. */
  private static WorkerError toldOnce(WorkerError error, Optional<WorkerError> told) {
    return told.filter(other -> other.traceback().equals(error.traceback())).isPresent()
        ? error.withoutTraceback()
        : error;
  }

  private static JsonArray workers(ModelDescription model, boolean original) {
    JsonArray workers = new JsonArray();
    for (Worker worker : model.condition().workers()) {
      JsonObject json =
          worker(worker, original && !worker.status().equals(READY) ? UNLOADING : worker.status());
      if (!original) {
        addState(worker, model, json);
      }
      workers.add(json);
    }
    return workers;
  }

  private static JsonObject worker(Worker worker, String status) {
    JsonObject json = new JsonObject();
    json.addProperty("id", worker.id());
    json.addProperty("startTime", time(worker.startTime()));
    json.addProperty("status", status);
    json.addProperty("memoryUsage", worker.process().memoryBytes());
    worker.process().processes().pid().ifPresent(pid -> json.addProperty("pid", pid));
    json.addProperty("gpu", worker.process().gpu());
    json.addProperty("gpuUsage", worker.process().gpuUsage().orElse("N/A"));
    return json;
  }

  /** What 0.12 does not say of a worker. */
  private static void addState(Worker worker, ModelDescription model, JsonObject json) {
    Duration window = model.settings().timeouts().maxRetry();
    json.addProperty("state", worker.state().name());
    json.addProperty("stateSince", time(worker.stateSince()));
    json.addProperty("restarts", worker.history().restarts());
    List<Long> ranks = worker.process().processes().ranks();
    if (!ranks.isEmpty()) {
      JsonArray pids = new JsonArray();
      ranks.forEach(pids::add);
      json.add("rankPids", pids);
    }
    json.addProperty("inFlight", worker.load().inFlight());
    json.addProperty("window", worker.load().window());
    worker
        .history()
        .recovery()
        .ifPresent(recovery -> json.add("recovery", recovery(recovery, window)));
    worker.history().lastExit().ifPresent(exit -> json.add("lastExit", exit(exit)));
    worker
        .history()
        .lastError()
        .ifPresent(
            error -> json.add("lastError", error(toldOnce(error, model.condition().lastError()))));
    worker.history().plainFork().ifPresent(reason -> json.addProperty("plainFork", reason));
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
    json.addProperty(
        "remainingCapacity",
        Math.max(0, model.settings().queueLimits().capacity() - model.condition().queueLength()));
    json.addProperty("pendingRequests", model.condition().queueLength());
    return json;
  }

  private static JsonObject sources(ModelDescription model) {
    JsonObject json = new JsonObject();
    model.settings().sources().forEach(json::addProperty);
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

  /** In UTC, with milliseconds. */
  static String time(Instant instant) {
    return TIME.format(instant);
  }
}
