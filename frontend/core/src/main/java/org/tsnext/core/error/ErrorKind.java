package org.tsnext.core.error;

import java.time.Duration;
import java.util.Optional;

/**
 * The one table of errors. Each kind has the HTTP status and the gRPC status code that transports
 * answer, and the {@code type} that error bodies carry, which old clients compare and which is
 * therefore kept as an opaque word.
 */
public enum ErrorKind {
  RESOURCE_NOT_FOUND(404, 5, "ResourceNotFoundException"),
  MODEL_NOT_FOUND(404, 5, "ModelNotFoundException"),
  MODEL_VERSION_NOT_FOUND(404, 5, "ModelVersionNotFoundException"),
  WORKFLOW_NOT_FOUND(404, 5, "WorkflowNotFoundException"),
  /** There is no job of that id, or no more. */
  JOB_NOT_FOUND(404, 5, "JobNotFoundException"),
  /** The archive or the specification of a workflow is wrong. */
  INVALID_WORKFLOW(400, 3, "InvalidWorkflowException"),
  /** The nodes of a workflow do not form a graph that can be run. */
  INVALID_WORKFLOW_GRAPH(400, 3, "InvalidDAGException"),
  BAD_REQUEST(400, 3, "BadRequestException"),
  INVALID_MODEL(400, 3, "InvalidModelException"),
  /** Installing a model's Python requirements or its virtual environment failed. */
  MODEL_SETUP_FAILED(400, 9, "ModelException"),
  DOWNLOAD_FAILED(400, 9, "DownloadArchiveException"),
  TOKEN_MISSING(401, 16, "InvalidKeyException"),
  TOKEN_FORBIDDEN(403, 7, "InvalidKeyException"),
  /** As TorchServe 0.12 said both, if it is asked for; and a request for a new key of no kind. */
  TOKEN_REFUSED(400, 7, "InvalidKeyException"),
  /** The request was meant for another host; see DNS rebinding. */
  HOST_REFUSED(403, 7, "HostNotAllowedException"),
  /** A web page of another origin asked. */
  ORIGIN_REFUSED(403, 7, "OriginNotAllowedException"),
  /** The default version cannot go while others exist. */
  DEFAULT_VERSION_IN_USE(403, 9, "InvalidModelVersionException"),
  METHOD_NOT_ALLOWED(405, 12, "MethodNotAllowedException"),
  MODEL_API_DISABLED(405, 7, "MethodNotAllowedException"),
  /** The client was too slow with its request. */
  READ_TIMEOUT(408, 4, "RequestTimeoutException"),
  UNREGISTER_TIMEOUT(408, 4, "RequestTimeoutException"),
  CONFLICT(409, 6, "ConflictStatusException"),
  /** The result of a job is asked for that was cancelled. */
  JOB_CANCELLED(409, 1, "JobCancelledException"),
  REQUEST_TOO_LARGE(413, 8, "RequestEntityTooLargeException"),
  /** The start line of an HTTP request is longer than what is read. */
  TARGET_TOO_LONG(414, 3, "BadRequestException"),
  EXPECTATION_FAILED(417, 3, "ExpectationFailedException"),
  /** There are as many jobs as there may be. */
  TOO_MANY_JOBS(429, 8, "TooManyJobsException"),
  HEADERS_TOO_LARGE(431, 3, "BadRequestException"),
  INTERNAL(500, 13, "InternalServerException"),
  /** The worker that had the request died, and so did the one that had it next. */
  WORKER_LOST(500, 14, "InternalServerException"),
  /** The server ended while a job ran, and the job is not run again. */
  JOB_LOST(500, 14, "JobLostException"),
  WORKER_LOAD_FAILED(500, 13, "InternalServerException"),
  /** There are fewer GPUs than one worker of the model takes. */
  NOT_ENOUGH_DEVICES(500, 8, "WorkerInitializationException"),
  /** A model of a workflow could not be registered, and nothing of the workflow stays. */
  WORKFLOW_NOT_REGISTERED(500, 13, "WorkflowException"),
  NOT_SUPPORTED(501, 12, "NotImplementedException"),
  /** A request to be a proxy: the method CONNECT. */
  PROXY_REQUESTED(501, 12, "NotImplementedException"),
  PREDICTION_FAILED(503, 14, "InternalServerException"),
  NO_WORKER(503, 14, "ServiceUnavailableException"),
  QUEUE_FULL(503, 14, "ServiceUnavailableException"),
  /** The bodies that the server holds for others leave no room for this one. */
  BODY_MEMORY_FULL(503, 8, "ServiceUnavailableException"),
  MODEL_GOING_AWAY(503, 14, "ServiceUnavailableException"),
  /** The sequence that the request waited in has ended. */
  SEQUENCE_CLOSED(503, 10, "ServiceUnavailableException"),
  SHUTTING_DOWN(503, 14, "ServiceUnavailableException"),
  /** No word from the worker within {@code responseTimeout}. */
  RESPONSE_TIMEOUT(504, 4, "ResponseTimeoutException"),
  /** The request's own deadline, for example {@code clientTimeoutInMills}, passed. */
  CLIENT_TIMEOUT(504, 4, "RequestTimeoutException"),
  /** The request is in a version of HTTP that the listener does not speak. */
  VERSION_NOT_SUPPORTED(505, 12, "BadRequestException"),
  OUT_OF_RESOURCES(507, 8, "InternalServerException"),
  LOAD_OUT_OF_MEMORY(507, 8, "InternalServerException"),
  FRONTEND_OUT_OF_MEMORY(507, 8, "OutOfMemoryError"),
  /** There is no room for what a job is to keep: in its share, or on the disk. */
  JOB_STORE_FULL(507, 8, "JobStoreFullException"),
  /** The handler chose the status itself; see {@link ServingException#httpStatus()}. */
  HANDLER_ERROR(500, 13, "InternalServerException"),
  /** The client has closed its connection and does not read the response. */
  CANCELLED(499, 1, "RequestCancelledException");

  private static final Optional<Duration> RETRY_SOON = Optional.of(Duration.ofSeconds(1));

  private final int httpStatus;
  private final int grpcStatus;
  private final String type;

  ErrorKind(int httpStatus, int grpcStatus, String type) {
    this.httpStatus = httpStatus;
    this.grpcStatus = grpcStatus;
    this.type = type;
  }

  public int httpStatus() {
    return httpStatus;
  }

  /** The number of the gRPC status, as in the gRPC specification's list of status codes. */
  public int grpcStatus() {
    return grpcStatus;
  }

  /**
   * The {@code type} field of error bodies, unless a handler chose the status; see {@link
   * ServingException#type()}.
   */
  public String type() {
    return type;
  }

  /**
   * How long a client should wait before it asks again, for what may be over soon. A handler that
   * fails with 503 will most likely fail again.
   */
  public Optional<Duration> retryAfter() {
    return switch (this) {
      case NO_WORKER,
          QUEUE_FULL,
          BODY_MEMORY_FULL,
          TOO_MANY_JOBS,
          MODEL_GOING_AWAY,
          SEQUENCE_CLOSED,
          SHUTTING_DOWN ->
          RETRY_SOON;
      default -> Optional.empty();
    };
  }

  /** The type of an error whose status a handler chose: with 4xx it is the client's error. */
  static String typeOfStatus(int status) {
    ErrorKind kind =
        switch (status) {
          case 404 -> RESOURCE_NOT_FOUND;
          case 405 -> METHOD_NOT_ALLOWED;
          case 408 -> READ_TIMEOUT;
          case 409 -> CONFLICT;
          case 413 -> REQUEST_TOO_LARGE;
          case 417 -> EXPECTATION_FAILED;
          case 499 -> CANCELLED;
          default -> status >= 400 && status < 500 ? BAD_REQUEST : HANDLER_ERROR;
        };
    return kind.type;
  }
}
