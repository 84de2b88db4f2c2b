package org.tsnext.core.inference;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.scheduling.Batch;
import org.tsnext.core.scheduling.Deadline;
import org.tsnext.core.scheduling.Delivery;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.scheduling.ReadyWorker;
import org.tsnext.core.scheduling.VersionScheduler;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.tracing.WorkerAttempt;
import org.tsnext.core.worker.WorkSource;
import org.tsnext.core.worker.WorkerAvailability;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerRegistration;

/**
 * Brings the requests of one model version to its workers: makes events of what clients, workers
 * and operators do, for the scheduler behind its lock. May be used by any thread.
 */
public final class VersionDispatcher implements WorkSource {

  private static final Logger LOGGER = LoggerFactory.getLogger(VersionDispatcher.class);

  /** Of a request that ended before it was known. */
  private static final InferenceCall ENDED = () -> {};

  /** Made before there is need for it, and perhaps no memory. */
  private final ServingException notTaken =
      new ServingException(
          ErrorKind.INTERNAL,
          "The server could not accept the request, possibly out of memory; its log says why.");

  private final LockedScheduler scheduler;
  private final DispatchPolicy policy;
  private final Optional<SequenceIds> sequenceIds;
  private final Clock clock;
  private final VersionMetrics metrics;

  /**
   * Makes the dispatcher of a version.
   *
   * @param metrics of the version; the caller's to close
   * @param successor who serves requests without a version now; perhaps this one. Another one takes
   *     such requests over when they would be rejected here
   */
  public VersionDispatcher(
      DispatchPolicy policy,
      Clock clock,
      Scheduler timer,
      VersionMetrics metrics,
      Supplier<Optional<VersionDispatcher>> successor) {
    this.policy = Objects.requireNonNull(policy, "policy");
    this.clock = Objects.requireNonNull(clock, "clock");
    this.metrics = Objects.requireNonNull(metrics, "metrics");
    this.sequenceIds = policy.sequences().map(SequenceIds::new);
    RequestRecorder recorder = new RequestRecorder(clock, metrics);
    EffectRunner runner = new EffectRunner(this, clock, timer, recorder, successor);
    this.scheduler = new LockedScheduler(policy, clock, runner);
  }

  /** Takes a request over; see {@link InferenceService#submit}. */
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    try {
      metrics.arrived(request);
      return enter(request, sink, null);
    } catch (Throwable e) {
      try {
        LOGGER.error("A request could not be taken", e);
      } finally {
        request.release();
        sink.fail(notTaken);
      }
      return ENDED;
    }
  }

  /** Goes on with a request that another version had admitted. Takes the buffers over. */
  PendingRequest takeOver(PendingRequest from) {
    return enter(from.request(), from.sink(), from);
  }

  /**
   * If this throws, nothing was taken.
   *
   * @param from null for a new request
   */
  private PendingRequest enter(InferenceRequest request, ResponseSink sink, PendingRequest from) {
    boolean ofSequence = sequenceIds.isPresent() && request.kind() != RequestKind.DESCRIBE;
    InferenceRequest named = ofSequence ? sequenceIds.get().named(request) : request;
    String sequence = ofSequence ? sequenceIds.get().of(named) : "";
    return scheduler.enter(
        from,
        now ->
            new PendingRequest(
                this,
                named,
                sequence,
                sink,
                from == null ? now : from.arrivalNanos(),
                from == null
                    ? Deadline.of(now, policy.clientTimeout(), named.timeout())
                    : from.deadline()));
  }

  @Override
  public WorkerRegistration open(
      int workerId, WorkerProcess process, WorkerRegistration.Observer observer) {
    return new DispatchedWorker(this, policy, clock.nanoTime(), workerId, process, observer);
  }

  @Override
  public void availability(WorkerAvailability availability) {
    scheduler.feed((events, now) -> events.onAvailability(availability, now));
  }

  /**
   * The version is being unregistered. What runs may end. What waits and what comes goes to the
   * successor if it named no version, or else fails with {@code MODEL_GOING_AWAY}.
   */
  public void unregister() {
    scheduler.feed(VersionScheduler::onUnregistered);
  }

  /** The server stops, and its time is over: what waits and what comes fails. */
  public void shutDown() {
    scheduler.feed(VersionScheduler::onShutDown);
  }

  /** Requests that wait for a worker. */
  public int queueLength() {
    return scheduler.read(VersionScheduler::queueLength);
  }

  /** How long a batch that is not full waits now. */
  public Duration batchDelay() {
    return scheduler.read(VersionScheduler::batchDelay);
  }

  /** Whether nothing waits and nothing runs. */
  public boolean isIdle() {
    return scheduler.read(VersionScheduler::isIdle);
  }

  void cancel(PendingRequest request) {
    scheduler.feed((events, now) -> events.onCancelled(request, now));
  }

  void workerReady(ReadyWorker worker) {
    scheduler.feed((events, now) -> events.onWorkerReady(worker, now));
  }

  /** See {@link VersionScheduler#onResponse}. */
  Delivery response(
      ReadyWorker worker, int batchId, int item, ResponseHead head, ByteBuf body, boolean last) {
    List<String> ended = sequenceIds.isEmpty() ? List.of() : sequenceIds.get().ended(head);
    return scheduler.respond(worker, batchId, item, head, body, last, ended);
  }

  /** See {@link VersionScheduler#onError}. */
  boolean error(
      ReadyWorker worker, int batchId, int item, ServingException why, HandlerError error) {
    return scheduler.decide(
        (events, now) -> events.onError(worker, batchId, item, why, error, now));
  }

  void sendFailed(Batch batch, Throwable failure) {
    ServingException why = internal("The request could not be sent to its worker", failure);
    scheduler.feed((events, now) -> events.onSendFailed(batch, why, now));
  }

  /** See {@link VersionScheduler#onNotSent}. */
  void notSent(ReadyWorker worker, int batchId, ServingException why) {
    scheduler.feed((events, now) -> events.onNotSent(worker, batchId, why, now));
  }

  /** See {@link VersionScheduler#onWithdrawal}. */
  void withdrawal(ReadyWorker worker, int batchId, boolean given) {
    scheduler.feed((events, now) -> events.onWithdrawal(worker, batchId, given, now));
  }

  void drain(ReadyWorker worker) {
    scheduler.feed((events, now) -> events.onDrain(worker, now));
  }

  /** See {@link VersionScheduler#onWorkerLost}. */
  void workerLost(ReadyWorker worker, boolean begun) {
    scheduler.feed((events, now) -> events.onWorkerLost(worker, begun, now));
  }

  void timerFired() {
    scheduler.feed(VersionScheduler::onTimer);
  }

  void timerFailed() {
    // Without an event, which would need memory.
    scheduler.read(
        events -> {
          events.onTimerFailed();
          return true;
        });
  }

  /** From any thread. */
  long nanoTime() {
    return clock.nanoTime();
  }

  /**
   * A handler has told when it ran.
   *
   * @param item -1 for all of the batch that are still open
   */
  void handled(DispatchedWorker worker, int batchId, int item, WorkerAttempt.HandlerTime time) {
    boolean any =
        read(
            () ->
                worker.forOpen(
                    batchId, item, request -> ((PendingRequest) request).noteHandled(time)));
    if (any && item == -1) {
      metrics.handled(time.nanos());
    }
  }

  /** Reads the state of a worker as it is between two events. */
  <T> T read(Supplier<T> state) {
    return scheduler.read(events -> state.get());
  }

  private static ServingException internal(String message, Throwable cause) {
    return new ServingException(ErrorKind.INTERNAL, message + ": " + cause, cause);
  }
}
