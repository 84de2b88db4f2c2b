package org.tsnext.workflow;

import java.util.Objects;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.Sentences;
import org.tsnext.core.error.ServingException;

/** Errors of nodes, as the clients of their workflow see them. */
final class NodeErrors {

  private NodeErrors() {}

  /**
   * The error of a workflow whose node failed: the status of the cause, the sentence of TorchServe
   * 0.12 with the node's name, and the cause in words.
   *
   * @param hint a sentence more; may be empty
   */
  static ServingException named(WorkflowNode node, ServingException error, String hint) {
    String message = "Error executing " + node.name();
    ServingException named =
        switch (error.kind()) {
          case HANDLER_ERROR -> ServingException.ofHandler(error.httpStatus(), message);
          case MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND ->
              new ServingException(ErrorKind.MODEL_GOING_AWAY, message, error);
          default -> new ServingException(error.kind(), message, error);
        };
    named = named.withDetail(Sentences.joined(cause(error), goneHint(node, error), hint));
    return error
        .retryAfter()
        .map(named::withRetryAfter)
        .orElse(named)
        .withDeviation(Deviation.WORKFLOW_ERROR_STATUS);
  }

  private static String cause(ServingException error) {
    String message = Objects.requireNonNullElse(error.getMessage(), "");
    return error.detail().map(detail -> Sentences.withCause(message, detail)).orElse(message);
  }

  private static String goneHint(WorkflowNode node, ServingException error) {
    return switch (error.kind()) {
      case MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND ->
          "The model "
              + node.modelName()
              + " of this node was unregistered; register the workflow again.";
      default -> "";
    };
  }
}
