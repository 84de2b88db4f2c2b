package org.tsnext.http.openapi;

import com.google.gson.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The schema of a model version's description. What its members mean: docs/management.md. */
final class DescriptionSchema {

  private static final List<String> TEXTS =
      List.of(
          "modelName",
          "modelVersion",
          "modelUrl",
          "runtime",
          "parallelType",
          "deviceType",
          "state",
          "reason");

  private static final List<String> NUMBERS =
      List.of(
          "minWorkers",
          "maxWorkers",
          "batchSize",
          "maxBatchDelay",
          "responseTimeout",
          "startupTimeout",
          "maxRetryTimeoutInSec",
          "clientTimeoutInMills",
          "parallelLevel",
          "sequenceMaxIdleMSec",
          "sequenceTimeoutMSec",
          "maxNumSequence",
          "maxSequenceJobQueueSize",
          "readyWorkers");

  private static final List<String> FLAGS =
      List.of(
          "adaptiveBatchDelay",
          "continuousBatching",
          "useJobTicket",
          "useVenv",
          "stateful",
          "loadedAtStartup",
          "defaultVersion");

  private DescriptionSchema() {}

  private static final List<String> WORKER_TEXTS =
      List.of("id", "startTime", "status", "gpuUsage", "state", "stateSince", "plainFork");

  static JsonObject version() {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    put(members, "string", TEXTS);
    put(members, "integer", NUMBERS);
    put(members, "boolean", FLAGS);
    members.put("deviceIds", Schemas.array(Schemas.of("integer")));
    members.put("workers", Schemas.array(worker()));
    members.put("jobQueueStatus", object("integer", "remainingCapacity", "pendingRequests"));
    members.put("settingSources", Schemas.of("object"));
    members.put("recovery", recovery());
    members.put("lastError", error());
    members.put("lastLoadError", error());
    members.put("customizedMetadata", Schemas.of("object"));
    return Schemas.object(
        members, "modelName", "modelVersion", "minWorkers", "maxWorkers", "workers", "state");
  }

  private static JsonObject worker() {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    put(members, "string", WORKER_TEXTS);
    put(members, "integer", List.of("memoryUsage", "pid", "restarts", "inFlight", "window"));
    put(members, "boolean", List.of("gpu"));
    members.put("rankPids", Schemas.array(Schemas.of("integer")));
    members.put("recovery", recovery());
    members.put("lastExit", exit());
    members.put("lastError", error());
    return Schemas.object(members, "id", "status", "state");
  }

  private static JsonObject recovery() {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    put(members, "integer", List.of("failures"));
    put(members, "string", List.of("since", "nextAttempt", "windowEnd"));
    return Schemas.object(members, "failures", "since", "windowEnd");
  }

  private static JsonObject exit() {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    put(members, "string", List.of("time", "reason"));
    put(members, "integer", List.of("code", "signal"));
    return Schemas.object(members, "time");
  }

  private static JsonObject error() {
    return object("string", "time", "type", "message", "detail", "traceback");
  }

  private static JsonObject object(String type, String... names) {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    put(members, type, List.of(names));
    return Schemas.object(members, names);
  }

  private static void put(Map<String, JsonObject> members, String type, List<String> names) {
    names.forEach(name -> members.put(name, Schemas.of(type)));
  }
}
