package org.tsnext.core.inference;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.scheduling.Batch;
import org.tsnext.core.scheduling.Delivery;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.scheduling.ReadyWorker;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.tracing.WorkerAttempt;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerRegistration;

/** A ready worker with its process: passes what the process says on as events. */
final class DispatchedWorker extends ReadyWorker implements WorkerRegistration {

  private static final Logger LOGGER = LoggerFactory.getLogger(DispatchedWorker.class);

  /** Warnings about one worker's nonsense, so that it cannot flood the log. */
  private static final int MAX_WARNINGS = 10;

  private final VersionDispatcher dispatcher;
  private final DispatchPolicy policy;
  private final int workerId;
  private final WorkerProcess process;
  private final Observer observer;
  private final AtomicInteger warnings = new AtomicInteger();
  private final AtomicReference<Runnable> whenIdle = new AtomicReference<>();

  /** When it was lost; meaningless before. */
  private volatile long lostNanos;

  DispatchedWorker(
      VersionDispatcher dispatcher,
      DispatchPolicy policy,
      long now,
      int workerId,
      WorkerProcess process,
      Observer observer) {
    super(policy, now);
    this.dispatcher = dispatcher;
    this.policy = policy;
    this.workerId = workerId;
    this.process = process;
    this.observer = observer;
  }

  int workerId() {
    return workerId;
  }

  WorkerProcess process() {
    return process;
  }

  @Override
  public void begin() {
    dispatcher.workerReady(this);
  }

  @Override
  public void response(int batchId, int item, ResponseHead head, ByteBuf body) {
    deliver("RESPONSE", batchId, item, head, body, true);
  }

  @Override
  public void chunk(int batchId, int item, ResponseHead head, ByteBuf body) {
    deliver("CHUNK", batchId, item, head, body, false);
  }

  @Override
  public void notSent(int batchId, ServingException why) {
    dispatcher.notSent(this, batchId, why);
  }

  @Override
  public void error(int batchId, int item, HandlerError error) {
    if (!dispatcher.error(this, batchId, item, shown(error), error)) {
      warn("ERROR", batchId, item);
    }
  }

  @Override
  public void withdrawal(int batchId, boolean given) {
    dispatcher.withdrawal(this, batchId, given);
  }

  @Override
  protected boolean canWithdraw() {
    return process.canWithdraw();
  }

  @Override
  public void drain(Runnable whenDone) {
    whenIdle.set(whenDone);
    dispatcher.drain(this);
  }

  /** When it was lost, for requests that were lost with it. */
  long lostNanos() {
    return lostNanos;
  }

  /** A batch of it that has requests which are followed. */
  FollowedBatch followed(Batch batch, long now) {
    return new FollowedBatch(
        new FollowedBatch.Worker(policy.modelName(), policy.modelVersion(), workerId),
        new FollowedBatch.Facts(
            batch.id(), batch.size(), now, batch.freeNanos(), batch.isBehind()));
  }

  @Override
  public void handled(int batchId, int item, WorkerAttempt.HandlerTime time) {
    dispatcher.handled(this, batchId, item, time);
  }

  @Override
  public void lost() {
    noteLost();
    dispatcher.workerLost(this, true);
  }

  @Override
  public void unusable() {
    noteLost();
    dispatcher.workerLost(this, false);
  }

  @Override
  public OptionalLong idleSince() {
    return dispatcher.read(
        () -> isIdle() && !isLost() ? OptionalLong.of(idleSinceNanos()) : OptionalLong.empty());
  }

  @Override
  public boolean served() {
    return dispatcher.read(this::hasServed);
  }

  @Override
  public int inFlight() {
    return dispatcher.read(this::openBatches);
  }

  @Override
  public int window() {
    return dispatcher.read(this::maxOpenBatches);
  }

  /** Tells the supervisor that the handler failed; the requests are held by the caller. */
  void reportFailure(int batchId, HandlerError error, List<InferenceRequest> requests) {
    observer.handlerFailed(batchId, error, requests);
  }

  /** Tells the supervisor of a response that is an error; the request is held by the caller. */
  void reportErrorStatus(int batchId, int status, InferenceRequest request) {
    observer.onErrorResponse(batchId, status, request);
  }

  /** See {@link WorkerRegistration.Observer#onceEnded}. */
  void onceEnded(Consumer<Optional<String>> told) {
    observer.onceEnded(told);
  }

  /** Tells the supervisor that the worker did not respond in time. */
  void reportSilence() {
    observer.silent(policy.responseTimeout());
  }

  /** Runs what was to run when the worker has nothing left. */
  void reportDrained() {
    Runnable action = whenIdle.getAndSet(null);
    if (action != null) {
      action.run();
    }
  }

  private void noteLost() {
    if (!isLost()) {
      lostNanos = dispatcher.nanoTime();
    }
  }

  private void deliver(
      String message, int batchId, int item, ResponseHead head, ByteBuf body, boolean last) {
    Delivery delivery = dispatcher.response(this, batchId, item, head, body, last);
    if (delivery != Delivery.DELIVERED) {
      body.release();
    }
    if (delivery == Delivery.UNKNOWN) {
      warn(message, batchId, item);
    }
  }

  private void warn(String message, int batchId, int item) {
    if (!isLost() && warnings.incrementAndGet() <= MAX_WARNINGS) {
      LOGGER.warn(
          "Worker {} of model {} sent {} for item {} of batch {}, which is not open; ignored",
          workerId,
          policy.modelName(),
          message,
          item,
          Integer.toUnsignedString(batchId));
    }
  }

  /** The table of ERROR codes in docs/worker-protocol.md. */
  private static ServingException shown(HandlerError error) {
    if (error.notRun()) {
      return new ServingException(
          error.code() == 408 ? ErrorKind.CLIENT_TIMEOUT : ErrorKind.CANCELLED, error.message());
    }
    ServingException known =
        switch (error.code()) {
          case 503 -> new ServingException(ErrorKind.PREDICTION_FAILED, error.message());
          case 507 -> new ServingException(ErrorKind.OUT_OF_RESOURCES, error.message());
          default -> ServingException.ofHandler(error.code(), error.message());
        };
    ServingException shown = error.detail().isEmpty() ? known : known.withDetail(error.detail());
    return error.headers().isEmpty() ? shown : shown.withHeaders(Header.byName(error.headers()));
  }
}
