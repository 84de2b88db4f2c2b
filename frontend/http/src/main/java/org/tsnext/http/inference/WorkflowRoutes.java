package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;
import static io.netty.handler.codec.http.HttpMethod.PUT;

import java.util.List;
import java.util.Optional;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputLimits;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.InputReader;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RoutedRequest;
import org.tsnext.workflow.WorkflowService;

/** The route that runs workflows. */
public final class WorkflowRoutes {

  /** The name of a workflow in a path. */
  private static final String NAME = "workflow_name";

  private WorkflowRoutes() {}

  /**
   * Builds the route.
   *
   * @param headers which of a request the nodes get
   */
  public static Route of(WorkflowService workflows, HeaderPolicy headers) {
    return Route.of(
            List.of(GET, PUT, POST),
            "/~wfpredict/{" + NAME + "}",
            routed -> run(workflows, headers, routed),
            new Operation(
                    "wfpredict",
                    "Run a workflow on the given inputs.",
                    Body.INPUTS,
                    List.of(),
                    List.of(new Outcome(200, "*/*", "The response of the last node")))
                .failingWith(404, 504, 507)
                .withAnyStatus())
        .withAccess(Access.INFERENCE)
        .acting();
  }

  /** The query is no input here, as in TorchServe 0.12. */
  private static void run(WorkflowService workflows, HeaderPolicy headers, RoutedRequest routed) {
    Exchange exchange = routed.exchange();
    List<InputPart> parts = InputReader.read(exchange.contentType(), exchange.takeBody());
    InferenceRequest request;
    try {
      InputLimits.check(parts);
      request =
          new InferenceRequest(
              exchange.requestId(),
              new InferenceRequest.Target(routed.parameters().get(NAME), Optional.empty()),
              PredictionRoute.WORKFLOW.kind(),
              new InferenceRequest.Origin(Protocol.HTTP, false),
              HandlerHeaderList.of(exchange.headers(), headers, PredictionRoute.WORKFLOW, ""),
              parts,
              RequestTimeout.of(exchange.headers()));
    } catch (ServingException e) {
      parts.forEach(part -> part.value().release());
      throw e;
    }
    InferenceCall call = workflows.submit(request, new InferenceSink(exchange));
    exchange.onClientGone(call::cancel);
  }
}
