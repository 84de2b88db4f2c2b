package org.tsnext.http.management;

import static io.netty.handler.codec.http.HttpMethod.DELETE;
import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;

import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;
import org.tsnext.workflow.WorkflowService;

/** The table of the management routes of workflows. */
public final class WorkflowManagementRoutes {

  private static final String JSON = Response.APPLICATION_JSON;
  private static final String WORKFLOWS = "/workflows";
  private static final String WORKFLOW = "/workflows/{" + WorkflowHandlers.NAME + "}";

  private WorkflowManagementRoutes() {}

  /**
   * Builds the routes.
   *
   * @param modelApi whether workflows may be registered and unregistered
   */
  public static List<Route> of(
      WorkflowService workflows, boolean modelApi, Compatibility compatibility) {
    WorkflowHandlers handlers = new WorkflowHandlers(workflows, modelApi, compatibility);
    Function<Operation, KnownParameters> known =
        operation -> KnownParameters.of(operation, Set.of(), compatibility);
    KnownParameters ofRegistration = known.apply(register());
    return List.of(
        known.apply(list()).route(GET, WORKFLOWS, handlers::list, list()),
        ofRegistration.route(
            POST, WORKFLOWS, request -> handlers.register(request, ofRegistration), register()),
        known.apply(describe()).route(GET, WORKFLOW, handlers::describe, describe()),
        known.apply(unregister()).route(DELETE, WORKFLOW, handlers::unregister, unregister()));
  }

  private static Operation list() {
    return operation(
        "listWorkflows",
        "The registered workflows, sorted by name.",
        ManagementRoutes.pages("Workflows"),
        new Outcome(200, JSON, "A page of workflows", Schemas.WORKFLOWS));
  }

  private static Operation register() {
    return new Operation(
            "registerWorkflow",
            "Register a workflow, with all its nodes. -1 means that a number is not given.",
            Body.PARAMETERS,
            List.of(
                new Parameter(
                    "url",
                    "string",
                    false,
                    "Name of the archive in the workflow store, or a URL; needed, here or in the"
                        + " body"),
                new Parameter("workflow_name", "string", false, "Default: the manifest's name"),
                timeout("response_timeout", "Seconds that a worker of a node may be silent"),
                timeout("startup_timeout", "Seconds that a worker of a node may take to load"),
                new Parameter(
                        "s3_sse_kms", "boolean", false, "Sign the download from S3 (AWS SigV4)")
                    .with("default", false)),
            List.of(new Outcome(200, JSON, "Registered", Schemas.STATUS)))
        .failingWith(404, 405, 409, 500, 507);
  }

  private static Parameter timeout(String name, String description) {
    return new Parameter(name, "integer", false, description)
        .with("minimum", -1)
        .with("default", 120);
  }

  private static Operation describe() {
    return operation(
            "describeWorkflow",
            "Describe a workflow and its nodes.",
            List.of(),
            new Outcome(200, JSON, "The description, as a list of one", Schemas.WORKFLOW))
        .failingWith(404);
  }

  private static Operation unregister() {
    return operation(
            "unregisterWorkflow",
            "Finish what runs, then remove the workflow and its nodes.",
            List.of(),
            new Outcome(200, JSON, "Unregistered", Schemas.STATUS))
        .failingWith(404, 405, 408);
  }

  private static Operation operation(
      String id, String summary, List<Parameter> query, Outcome response) {
    return new Operation(id, summary, Body.NONE, query, List.of(response));
  }
}
