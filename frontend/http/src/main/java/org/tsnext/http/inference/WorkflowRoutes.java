package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import java.util.List;
import java.util.Optional;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.http.jobs.JobSubmission;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.workflow.WorkflowService;

/** The route that runs workflows. */
public final class WorkflowRoutes {

  /** The name of a workflow in a path. */
  private static final String NAME = "workflow_name";

  private WorkflowRoutes() {}

  /**
   * Builds the route.
   *
   * @param jobs begins those that clients prefer not to wait for; empty if every client waits
   * @param headers which of a request the nodes get
   */
  public static Route of(
      WorkflowService workflows, Optional<JobSubmission> jobs, HeaderPolicy headers) {
    return Route.of(
            List.of(GET, PUT, POST),
            "/~wfpredict/{" + NAME + "}",
            // The query is no input here, as in TorchServe 0.12.
            new PredictionHandler(
                workflows::submit,
                jobs,
                PredictionRoute.WORKFLOW,
                (routed, parts) -> routed.parameters().get(NAME),
                headers),
            new Operation(
                    "wfpredict",
                    "Run a workflow on the given inputs.",
                    Body.INPUTS,
                    List.of(),
                    JobSubmission.outcomes(
                        jobs, new Outcome(200, "*/*", "The response of the last node")))
                .failingWith(404, 504, 507)
                .withAnyStatus())
        .withAccess(Access.INFERENCE)
        .acting();
  }
}
