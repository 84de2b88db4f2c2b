package org.tsnext.http.management;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.tsnext.api.Json;
import org.tsnext.api.LenientParameters;
import org.tsnext.api.ModelOperations;
import org.tsnext.api.Parameters;
import org.tsnext.archive.WorkflowSpec;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.RoutedRequest;
import org.tsnext.workflow.RegisterWorkflow;
import org.tsnext.workflow.WorkflowDescription;
import org.tsnext.workflow.WorkflowService;

/** The handlers of the workflow routes. The statuses and texts are those that old clients know. */
final class WorkflowHandlers {

  /** The name of a workflow in a path. */
  static final String NAME = "workflow_name";

  private static final int DEFAULT_TIMEOUT_SECONDS = 120;

  private final WorkflowService workflows;
  private final boolean modelApi;
  private final Compatibility compatibility;

  /**
   * @param modelApi whether workflows may be registered and unregistered
   */
  WorkflowHandlers(WorkflowService workflows, boolean modelApi, Compatibility compatibility) {
    this.workflows = workflows;
    this.modelApi = modelApi;
    this.compatibility = compatibility;
  }

  void list(RoutedRequest request) {
    Parameters given = read(RequestParameters.ofQuery(request));
    JsonArray all = new JsonArray();
    for (WorkflowService.WorkflowEntry entry : workflows.list()) {
      JsonObject workflow = new JsonObject();
      workflow.addProperty("workflowName", entry.name());
      workflow.addProperty("workflowUrl", entry.url());
      all.add(workflow);
    }
    request.exchange().send(Response.json(200, ModelOperations.page("workflows", all, given)));
  }

  void describe(RoutedRequest request) {
    WorkflowDescription workflow = workflows.describe(request.parameters().get(NAME));
    JsonObject json = new JsonObject();
    json.addProperty("workflowName", workflow.name());
    json.addProperty("workflowUrl", workflow.url());
    addOptions(json, workflow.defaults());
    json.addProperty("workflowDag", graph(workflow.dag()));
    if (!compatibility.isOriginal(Deviation.WORKFLOW_DESCRIPTION)) {
      JsonArray nodes = new JsonArray();
      workflow.nodes().forEach(node -> nodes.add(node(node)));
      json.add("nodes", nodes);
    }
    JsonArray one = new JsonArray();
    one.add(json);
    request.exchange().send(Response.json(200, one));
  }

  /** As Java shows a map of lists, in TorchServe 0.12: {@code {pre=[m1], m1=[post]}}. */
  private static String graph(Map<String, List<String>> dag) {
    return dag.entrySet().stream()
        .filter(entry -> !entry.getValue().isEmpty())
        .map(entry -> entry.getKey() + "=[" + String.join(", ", entry.getValue()) + "]")
        .collect(Collectors.joining(", ", "{", "}"));
  }

  private static JsonObject node(WorkflowDescription.Node node) {
    JsonObject json = new JsonObject();
    json.addProperty("name", node.name());
    json.addProperty("modelName", node.modelName());
    json.addProperty("type", node.url().isPresent() ? "model" : "function");
    node.url().ifPresent(url -> json.addProperty("modelUrl", url));
    addOptions(json, node.options());
    json.addProperty("retryAttempts", node.options().retryAttempts());
    json.addProperty("timeoutMs", node.options().timeout().toMillis());
    return json;
  }

  private static void addOptions(JsonObject json, WorkflowSpec.Options options) {
    json.addProperty("minWorkers", options.minWorkers());
    json.addProperty("maxWorkers", options.maxWorkers());
    json.addProperty("batchSize", options.batchSize());
    json.addProperty("maxBatchDelay", options.maxBatchDelay().toMillis());
  }

  void register(RoutedRequest request, KnownParameters known) {
    if (refuses(request)) {
      return;
    }
    Parameters given = read(RequestParameters.ofBody(request, known));
    RegisterWorkflow registration =
        new RegisterWorkflow(
            given.required("url"),
            given.text("workflow_name"),
            seconds(given, "response_timeout"),
            seconds(given, "startup_timeout"),
            given.flag("s3_sse_kms").orElse(false));
    LaterResponse.send(
        request.exchange(),
        workflows.register(registration),
        name ->
            Response.json(
                200,
                Json.status("Workflow " + name + " has been registered and scaled successfully.")));
  }

  void unregister(RoutedRequest request) {
    if (refuses(request)) {
      return;
    }
    String name = request.parameters().get(NAME);
    LaterResponse.send(
        request.exchange(),
        workflows.unregister(name),
        done -> Response.json(200, Json.status("Workflow \"" + name + "\" unregistered")));
  }

  private static Duration seconds(Parameters given, String name) {
    return Duration.ofSeconds(given.integerFrom(name, 1).orElse(DEFAULT_TIMEOUT_SECONDS));
  }

  private Parameters read(Parameters given) {
    return LenientParameters.where(compatibility, given);
  }

  private boolean refuses(RoutedRequest request) {
    if (!modelApi) {
      request
          .exchange()
          .fail(
              ErrorRenderer.methodNotAllowed(ErrorKind.MODEL_API_DISABLED)
                  .withDetail(
                      "Registering and unregistering workflows is switched off; start the server"
                          + " with --enable-model-api or set enable_model_api=true."),
              List.of("GET", "HEAD"));
    }
    return !modelApi;
  }
}
