package org.tsnext.workflow;

import java.util.Optional;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Errors of nodes, as the clients of their workflow see them. */
final class NodeErrors {

  private NodeErrors() {}

  /**
   * The error of a workflow whose node failed: the status of the cause, the sentence of TorchServe
   * 0.12 with the node's name, and the cause in words.
   */
  static ServingException named(WorkflowNode node, ServingException error) {
    String message = "Error executing " + node.name();
    ServingException named =
        switch (error.kind()) {
          case HANDLER_ERROR -> ServingException.ofHandler(error.httpStatus(), message);
          case MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND ->
              new ServingException(ErrorKind.MODEL_GOING_AWAY, message, error);
          default -> new ServingException(error.kind(), message, error);
        };
    Optional<String> cause =
        error
            .detail()
            .map(detail -> error.getMessage() + " " + detail)
            .or(() -> Optional.ofNullable(error.getMessage()));
    named = named.withDetail(cause.orElse("") + hint(node, error));
    return error
        .retryAfter()
        .map(named::withRetryAfter)
        .orElse(named)
        .withDeviation(Deviation.WORKFLOW_ERROR_STATUS);
  }

  private static String hint(WorkflowNode node, ServingException error) {
    return switch (error.kind()) {
      case MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND ->
          " The model "
              + node.modelName()
              + " of this node was unregistered; register the"
              + " workflow again.";
      case CLIENT_TIMEOUT ->
          " The node has timeout-ms " + node.options().timeout().toMillis() + ".";
      default -> "";
    };
  }
}
