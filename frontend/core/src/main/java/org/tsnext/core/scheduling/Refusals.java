package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.worker.WorkerAvailability;

/** The words in which requests of one model version are refused or fail. */
final class Refusals {

  private static final String DESCRIBE = "describe";
  private static final String INFERENCE = "inference";
  private static final String REOPEN = " A request with its id opens a new one.";

  private final DispatchPolicy policy;

  /** Made before there is need for it, and perhaps no memory. */
  private final ServingException fault =
      new ServingException(
          ErrorKind.INTERNAL,
          "The server failed while it handled the request, possibly out of memory; its log says"
              + " why.");

  Refusals(DispatchPolicy policy) {
    this.policy = policy;
  }

  /** Always the same object. */
  ServingException fault() {
    return fault;
  }

  ServingException noWorker(QueuedRequest request) {
    return new ServingException(ErrorKind.NO_WORKER, noWorkerText(request))
        .withOriginalMessage(originalText(request));
  }

  ServingException allFailed(QueuedRequest request, String reason) {
    return new ServingException(
            ErrorKind.NO_WORKER,
            noWorkerText(request)
                + " All workers failed, and automatic restarts have ended (maxRetryTimeoutInSec).")
        .withDetail(reason)
        .withOriginalMessage(originalText(request));
  }

  ServingException loadFailed(QueuedRequest request, WorkerAvailability workers, long now) {
    OptionalLong next = workers.nextAttemptNanos();
    Duration wait = Duration.ofNanos(next.isPresent() ? Math.max(0, next.getAsLong() - now) : 0);
    return new ServingException(
            ErrorKind.NO_WORKER,
            noWorkerText(request)
                + " Its model could not be loaded; "
                + (wait.isZero()
                    ? "another attempt is under way."
                    : "the next attempt begins in " + seconds(wait) + " s."))
        .withDetail(workers.reason())
        .withRetryAfter(wait)
        .withOriginalMessage(originalText(request));
  }

  /** Whole seconds, a part of one being one. */
  private static long seconds(Duration time) {
    return time.plusNanos(999_999_999).toSeconds();
  }

  ServingException queueFull(QueuedRequest request, int waiting) {
    return new ServingException(
            ErrorKind.QUEUE_FULL,
            noWorkerText(request)
                + " Its queue is full: "
                + waiting
                + " requests wait (jobQueueSize "
                + policy.queueCapacity()
                + ").")
        .withOriginalMessage(originalText(request));
  }

  ServingException noTicket(QueuedRequest request) {
    return new ServingException(
            ErrorKind.QUEUE_FULL,
            noWorkerText(request) + " No worker is idle, and useJobTicket lets no request wait.")
        .withOriginalMessage(originalText(request));
  }

  ServingException goingAway() {
    return new ServingException(
        ErrorKind.MODEL_GOING_AWAY,
        "Model \""
            + policy.modelName()
            + "\" version \""
            + policy.modelVersion()
            + "\" is being unregistered.");
  }

  static ServingException shuttingDown() {
    return new ServingException(ErrorKind.SHUTTING_DOWN, "The server is shutting down.");
  }

  static ServingException workerDied(QueuedRequest request) {
    String ended =
        request.sequence == null
            ? ""
            : " Sequence \"" + request.sequence.id() + "\" has ended with it." + REOPEN;
    return new ServingException(ErrorKind.WORKER_LOST, "Worker died." + ended);
  }

  ServingException tooManySequences(String id, int max) {
    return new ServingException(
            ErrorKind.QUEUE_FULL,
            "Sequence \""
                + id
                + "\" cannot be opened: model \""
                + policy.modelName()
                + "\" has "
                + max
                + " open sequences (maxNumSequence "
                + max
                + ").")
        .withOriginalMessage(originalText(INFERENCE, Optional.empty()));
  }

  ServingException sequenceQueueFull(String id, int max) {
    return new ServingException(
            ErrorKind.QUEUE_FULL,
            sequence(id)
                + " has no place: "
                + max
                + " of its requests wait (maxSequenceJobQueueSize "
                + max
                + ").")
        .withOriginalMessage(originalText(INFERENCE, Optional.empty()));
  }

  ServingException sequenceIdTooLong(int length, int max) {
    return new ServingException(
        ErrorKind.BAD_REQUEST,
        "The sequence id has " + length + " characters, expected at most " + max + ".");
  }

  ServingException sequenceWithoutWorker(String id) {
    return new ServingException(
        ErrorKind.SEQUENCE_CLOSED, sequence(id) + " has ended: its worker has ended." + REOPEN);
  }

  ServingException sequenceEndedByHandler(String id) {
    return new ServingException(
        ErrorKind.SEQUENCE_CLOSED, sequence(id) + " has ended: its model ended it." + REOPEN);
  }

  ServingException sequenceTooOld(String id, Duration lifetime) {
    return new ServingException(
        ErrorKind.SEQUENCE_CLOSED,
        sequence(id)
            + " has ended: it was open for "
            + lifetime.toMillis()
            + " ms (sequenceTimeoutMSec)."
            + REOPEN);
  }

  ServingException responseTimeout() {
    Duration limit = policy.responseTimeout();
    return new ServingException(
        ErrorKind.RESPONSE_TIMEOUT,
        "The worker of model \""
            + policy.modelName()
            + "\" did not respond within "
            + (limit.toMillis() % 1000 == 0 ? limit.toSeconds() + " s" : limit.toMillis() + " ms")
            + " (responseTimeout).");
  }

  private String sequence(String id) {
    return "Sequence \"" + id + "\" of model \"" + policy.modelName() + "\"";
  }

  private String noWorkerText(QueuedRequest request) {
    return "Model \""
        + policy.modelName()
        + "\""
        + version(request).map(given -> " Version \"" + given + "\"").orElse("")
        + " has no worker to serve "
        + purpose(request)
        + " request. Please use scale workers API to add workers.";
  }

  private String originalText(QueuedRequest request) {
    return originalText(purpose(request), version(request));
  }

  /** The one text of TorchServe 0.12 for all of these, to the last quote. */
  private String originalText(String purpose, Optional<String> version) {
    return "Model \""
        + policy.modelName()
        + "\""
        + version.map(given -> " Version " + given + "\"").orElse("")
        + " has no worker to serve "
        + purpose
        + " request. Please use scale workers API to add workers."
        + (purpose.equals(DESCRIBE)
            ? ""
            : " If this is a sequence inference, please check if it is closed, or expired; or"
                + " exceeds maxSequenceJobQueueSize");
  }

  private static String purpose(QueuedRequest request) {
    return request.kind() == RequestKind.DESCRIBE ? DESCRIBE : INFERENCE;
  }

  /** A description always asks one version, whether the client named it or not. */
  private static Optional<String> version(QueuedRequest request) {
    return request.kind() == RequestKind.DESCRIBE ? Optional.empty() : request.version();
  }
}
