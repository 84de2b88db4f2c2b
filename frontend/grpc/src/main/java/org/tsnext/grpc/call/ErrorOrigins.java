package org.tsnext.grpc.call;

import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * The second line of a status description: the word by which clients of TorchServe 0.12 tell errors
 * apart. They compare it as it is; it names no class of this server.
 */
final class ErrorOrigins {

  private static final String HTTP = "org.pytorch.serve.http.";
  private static final String MODEL = "org.pytorch.serve.archive.model.";

  private ErrorOrigins() {}

  /** The origin, or empty where there has never been one. */
  static String of(ServingException error, ErrorForm form) {
    ErrorKind kind = error.kind();
    return switch (kind) {
      case TOKEN_MISSING, TOKEN_FORBIDDEN, TOKEN_REFUSED -> "";
      case MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, INVALID_MODEL, MODEL_SETUP_FAILED ->
          MODEL + kind.type();
      case MODEL_API_DISABLED -> MODEL + "ModelException";
      case NOT_ENOUGH_DEVICES -> "org.pytorch.serve.wlm." + kind.type();
      case DOWNLOAD_FAILED -> "org.pytorch.serve.archive." + kind.type();
      case BAD_REQUEST -> isMissingParameter(error) ? "BadRequestException.()" : HTTP + kind.type();
      // What was refused before any worker saw it.
      case NO_WORKER,
          QUEUE_FULL,
          BODY_MEMORY_FULL,
          MODEL_GOING_AWAY,
          SEQUENCE_CLOSED,
          SHUTTING_DOWN ->
          "InternalServerException.()";
      case RESOURCE_NOT_FOUND,
          WORKFLOW_NOT_FOUND,
          INVALID_WORKFLOW,
          INVALID_WORKFLOW_GRAPH,
          WORKFLOW_NOT_REGISTERED,
          HOST_REFUSED,
          ORIGIN_REFUSED,
          DEFAULT_VERSION_IN_USE,
          METHOD_NOT_ALLOWED,
          READ_TIMEOUT,
          UNREGISTER_TIMEOUT,
          CONFLICT,
          REQUEST_TOO_LARGE,
          TARGET_TOO_LONG,
          EXPECTATION_FAILED,
          HEADERS_TOO_LARGE,
          INTERNAL,
          WORKER_LOST,
          WORKER_LOAD_FAILED,
          NOT_SUPPORTED,
          PROXY_REQUESTED,
          PREDICTION_FAILED,
          RESPONSE_TIMEOUT,
          CLIENT_TIMEOUT,
          VERSION_NOT_SUPPORTED,
          OUT_OF_RESOURCES,
          LOAD_OUT_OF_MEMORY,
          FRONTEND_OUT_OF_MEMORY,
          HANDLER_ERROR,
          CANCELLED,
          JOB_NOT_FOUND,
          JOB_CANCELLED,
          TOO_MANY_JOBS,
          JOB_LOST,
          JOB_STORE_FULL ->
          HTTP + form.type(error);
    };
  }

  private static boolean isMissingParameter(ServingException error) {
    String message = error.getMessage();
    return message != null && message.startsWith("Parameter ") && message.endsWith(" is required.");
  }
}
