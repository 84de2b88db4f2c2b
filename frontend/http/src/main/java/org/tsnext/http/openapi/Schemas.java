package org.tsnext.http.openapi;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The bodies that API descriptions name, as JSON schemas. */
public final class Schemas {

  public static final String STATUS = "Status";
  public static final String HEALTH = "Health";
  public static final String READY = "Ready";
  public static final String READINESS = "Readiness";
  public static final String MODEL_OBJECT = "ModelObject";
  public static final String MODEL_LIST = "ModelList";
  public static final String V2_SERVER = "V2Server";
  public static final String V2_LIVE = "V2Live";
  public static final String V2_READY = "V2Ready";
  public static final String V2_MODEL = "V2Model";
  public static final String NAMES = "ModelNames";
  public static final String MODELS = "Models";
  public static final String WORKFLOWS = "Workflows";
  public static final String WORKFLOW = "Workflow";
  public static final String JOB = "Job";
  public static final String MODEL_VERSIONS = "ModelVersions";
  public static final String DESCRIPTION = "ApiDescription";
  static final String ERROR = "Error";
  static final String OPEN_AI_ERROR = "OpenAiError";

  private Schemas() {}

  /** A reference to a schema of {@link #all}. */
  static JsonObject reference(String name) {
    return OpenApiDocument.reference("schemas", name);
  }

  static JsonObject all() {
    JsonObject json = new JsonObject();
    json.add(ERROR, error());
    json.add(OPEN_AI_ERROR, object(Map.of("error", openAiError()), "error"));
    json.add(STATUS, object(Map.of("status", of("string")), "status"));
    json.add(
        HEALTH,
        object(
            ordered("status", oneOf("Healthy", "Unhealthy"), "models", shortModels()), "status"));
    json.add(
        READY,
        object(
            ordered(
                "status",
                oneOf("Ready", "NotReady"),
                "reason",
                of("string"),
                "models",
                shortModels()),
            "status"));
    json.add(
        READINESS, object(ordered("name", of("string"), "ready", of("boolean")), "name", "ready"));
    openAi(json);
    openInference(json);
    json.add(NAMES, object(Map.of("models", array(of("string"))), "models"));
    json.add(MODELS, models());
    json.add(WORKFLOWS, workflows());
    json.add(WORKFLOW, array(workflow()));
    json.add(JOB, job());
    json.add(MODEL_VERSIONS, array(DescriptionSchema.version()));
    json.add(
        DESCRIPTION,
        object(
            ordered("openapi", of("string"), "info", of("object"), "paths", of("object")),
            "openapi",
            "info",
            "paths"));
    return json;
  }

  private static JsonObject error() {
    JsonObject code = of("integer");
    code.addProperty("description", "The status of the response");
    JsonObject type = of("string");
    type.addProperty("description", "Kind of the error, to be compared as it is");
    JsonObject detail = of("string");
    detail.addProperty("description", "The cause, unless error_detail=false");
    JsonArray forms = new JsonArray();
    forms.add(of("string"));
    forms.add(openAiError());
    JsonObject again = new JsonObject();
    again.addProperty(
        "description",
        "The message once more, on KServe's routes; on /v1/models as clients of OpenAI read it");
    again.add("oneOf", forms);
    return object(
        ordered(
            "code", code, "type", type, "message", of("string"), "detail", detail, "error", again),
        "code",
        "type");
  }

  private static JsonObject openAiError() {
    JsonObject param = of("string");
    param.addProperty("nullable", true);
    param.addProperty("description", "The member of the request that is wrong, if it is one");
    return object(
        ordered(
            "message", of("string"), "type", of("string"), "param", param, "code", of("string")),
        "message",
        "type",
        "param",
        "code");
  }

  private static void openAi(JsonObject json) {
    Map<String, JsonObject> members =
        ordered(
            "id", of("string"),
            "object", of("string"),
            "created", of("integer"),
            "owned_by", of("string"));
    JsonObject listed = object(members, "id", "object");
    Map<String, JsonObject> more = new LinkedHashMap<>(members);
    more.put("name", of("string"));
    more.put("ready", of("boolean"));
    json.add(MODEL_OBJECT, object(more, "id", "name", "ready"));
    json.add(
        MODEL_LIST,
        object(
            ordered(
                "object", of("string"),
                "data", array(listed),
                "models", array(of("string"))),
            "data",
            "models"));
  }

  private static void openInference(JsonObject json) {
    json.add(
        V2_SERVER,
        object(
            ordered(
                "name",
                of("string"),
                "version",
                of("string"),
                "extensions",
                array(of("string")),
                "extenstion",
                array(of("string"))),
            "name",
            "version",
            "extensions"));
    json.add(V2_LIVE, object(Map.of("live", of("boolean")), "live"));
    json.add(V2_READY, object(Map.of("ready", of("boolean")), "ready"));
    json.add(
        V2_MODEL,
        object(
            ordered(
                "name",
                of("string"),
                "versions",
                array(of("string")),
                "platform",
                of("string"),
                "inputs",
                array(of("object")),
                "outputs",
                array(of("object"))),
            "name",
            "versions"));
  }

  /** The models that are not as they should be, and why. */
  private static JsonObject shortModels() {
    return array(
        object(
            ordered(
                "name", of("string"),
                "version", of("string"),
                "ready", of("integer"),
                "min", of("integer"),
                "reason", of("string"))));
  }

  private static JsonObject oneOf(String... words) {
    JsonObject json = of("string");
    json.add("enum", strings(List.of(words)));
    return json;
  }

  private static JsonObject models() {
    JsonObject model =
        object(ordered("modelName", of("string"), "modelUrl", of("string")), "modelName");
    return object(ordered("nextPageToken", of("string"), "models", array(model)), "models");
  }

  private static JsonObject workflows() {
    JsonObject workflow =
        object(ordered("workflowName", of("string"), "workflowUrl", of("string")), "workflowName");
    return object(
        ordered("nextPageToken", of("string"), "workflows", array(workflow)), "workflows");
  }

  private static JsonObject workflow() {
    return object(
        ordered(
            "workflowName",
            of("string"),
            "workflowUrl",
            of("string"),
            "minWorkers",
            of("integer"),
            "maxWorkers",
            of("integer"),
            "batchSize",
            of("integer"),
            "maxBatchDelay",
            of("integer"),
            "workflowDag",
            of("string"),
            "nodes",
            array(of("object"))),
        "workflowName",
        "workflowDag");
  }

  private static JsonObject job() {
    return object(
        ordered(
            "id",
            of("string"),
            "status",
            oneOf("queued", "running", "succeeded", "failed", "cancelled"),
            "modelName",
            of("string"),
            "workflowName",
            of("string"),
            "modelVersion",
            of("string"),
            "requestId",
            of("string"),
            "url",
            of("string"),
            "resultUrl",
            of("string"),
            "createdAt",
            of("string"),
            "startedAt",
            of("string"),
            "endedAt",
            of("string"),
            "expiresAt",
            of("string"),
            "responseStatus",
            of("integer"),
            "responseBytes",
            of("integer"),
            "error",
            reference(ERROR)),
        "id",
        "status",
        "url",
        "resultUrl");
  }

  /** A schema with a type only. */
  static JsonObject of(String type) {
    JsonObject json = new JsonObject();
    json.addProperty("type", type);
    return json;
  }

  /** Other members may come at any time. */
  static JsonObject object(Map<String, JsonObject> members, String... required) {
    JsonObject properties = new JsonObject();
    members.forEach(properties::add);
    JsonObject json = of("object");
    json.add("properties", properties);
    if (required.length > 0) {
      json.add("required", strings(List.of(required)));
    }
    return json;
  }

  static JsonObject array(JsonObject items) {
    JsonObject json = of("array");
    json.add("items", items);
    return json;
  }

  private static JsonArray strings(List<String> values) {
    JsonArray json = new JsonArray();
    values.forEach(json::add);
    return json;
  }

  /** Members in the order they are given, names and schemas in turn. */
  private static Map<String, JsonObject> ordered(Object... pairs) {
    Map<String, JsonObject> members = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      members.put((String) pairs[i], (JsonObject) pairs[i + 1]);
    }
    return members;
  }
}
