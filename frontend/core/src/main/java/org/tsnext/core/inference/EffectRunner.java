package org.tsnext.core.inference;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.Outcome;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.scheduling.Batch;
import org.tsnext.core.scheduling.Effects;
import org.tsnext.core.scheduling.QueuedRequest;
import org.tsnext.core.scheduling.ReadyWorker;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.worker.WorkerListener.HandlerError;

/**
 * Carries out what the scheduler of a version has decided: speaks to processes, sinks, observers
 * and the timer. Belongs to the thread that has the turn. What an effect throws ends that effect
 * alone.
 */
final class EffectRunner implements Effects.Target {

  private static final Logger LOGGER = LoggerFactory.getLogger(EffectRunner.class);

  private final VersionDispatcher dispatcher;
  private final Clock clock;
  private final Scheduler timer;
  private final RequestRecorder recorder;
  private final Supplier<Optional<VersionDispatcher>> successor;

  private final Runnable onTimer;
  private Optional<Scheduler.Scheduled> armed = Optional.empty();

  EffectRunner(
      VersionDispatcher dispatcher,
      Clock clock,
      Scheduler timer,
      RequestRecorder recorder,
      Supplier<Optional<VersionDispatcher>> successor) {
    this.dispatcher = dispatcher;
    this.clock = clock;
    this.timer = Objects.requireNonNull(timer, "timer");
    this.recorder = recorder;
    this.successor = Objects.requireNonNull(successor, "successor");
    this.onTimer = dispatcher::timerFired;
  }

  /** Carries out everything. */
  void run(Effects effects) {
    boolean more = true;
    while (more) {
      try {
        more = effects.carryOutNext(this);
      } catch (Throwable e) {
        // One transport's fault must not keep a worker, or other requests, waiting.
        report("A decision could not be carried out", e);
      }
    }
  }

  @Override
  public void send(Batch batch) {
    DispatchedWorker worker = (DispatchedWorker) batch.worker();
    if (!batch.beginSending()) {
      return;
    }
    try {
      long now = clock.nanoTime();
      int[] millisLeft = new int[batch.size()];
      for (int i = 0; i < millisLeft.length; i++) {
        PendingRequest request = (PendingRequest) batch.request(i);
        millisLeft[i] = request.deadline().millisLeft(now);
        if (request.worker == null) {
          tellDispatched(request);
        }
      }
      FollowedBatch followed = recorder.sending(batch, now);
      worker.process().send(batch.id(), requests(batch), millisLeft, followed);
    } catch (Throwable e) {
      dispatcher.sendFailed(batch, e);
      report("A batch could not be sent to worker " + worker.workerId(), e);
      return;
    }
    recorder.sent(batch);
  }

  private void tellDispatched(PendingRequest request) {
    try {
      request.sink().dispatched();
    } catch (Throwable e) {
      report("A request could not be told that it was dispatched", e);
    }
  }

  @Override
  public void cancel(Batch batch, int item) {
    ((DispatchedWorker) batch.worker()).process().cancel(batch.id(), item);
  }

  @Override
  public void withdraw(Batch batch) {
    ((DispatchedWorker) batch.worker()).process().withdraw(batch.id());
  }

  @Override
  public void complete(QueuedRequest ended, ResponseHead head, Object body) {
    PendingRequest request = (PendingRequest) ended;
    recorder.ended(request, Outcome.of(head.status()));
    try {
      if (request.hasLeft()) {
        ((ByteBuf) body).release();
      } else {
        if (head.status() >= 500) {
          reportErrorStatus(request, head.status());
        }
        request.sink().complete(head, (ByteBuf) body);
      }
    } finally {
      request.request().release();
    }
  }

  @Override
  public void chunk(QueuedRequest open, ResponseHead head, Object body) {
    PendingRequest request = (PendingRequest) open;
    if (request.hasLeft()) {
      ((ByteBuf) body).release();
    } else {
      request.sink().chunk(head, (ByteBuf) body);
    }
  }

  @Override
  public void endStream(QueuedRequest ended, ResponseHead head, Object body) {
    PendingRequest request = (PendingRequest) ended;
    recorder.ended(request, Outcome.SUCCESS);
    try {
      if (request.hasLeft()) {
        ((ByteBuf) body).release();
      } else {
        endStream(request, head, (ByteBuf) body);
      }
    } finally {
      request.request().release();
    }
  }

  private static void endStream(PendingRequest request, ResponseHead head, ByteBuf body) {
    if (head.bodyKind() == ResponseHead.BodyKind.NONE) {
      body.release();
      request.sink().end();
    } else {
      request.sink().end(body);
    }
  }

  @Override
  public void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause) {
    HandlerError error = (HandlerError) cause;
    if (error.notRun()) {
      return;
    }
    List<InferenceRequest> requests = new ArrayList<>(failed.size());
    for (QueuedRequest each : failed) {
      PendingRequest request = (PendingRequest) each;
      if (!request.hasLeft()) {
        requests.add(request.request());
      }
    }
    ((DispatchedWorker) batch.worker()).reportFailure(batch.id(), error, requests);
  }

  @Override
  public void fail(QueuedRequest ended, ServingException why) {
    PendingRequest request = (PendingRequest) ended;
    recorder.ended(request, Outcome.of(why.httpStatus()));
    if (why.kind() == ErrorKind.CLIENT_TIMEOUT) {
      recorder.expired(request);
    }
    if (why.kind() == ErrorKind.WORKER_LOST && request.worker != null) {
      request.failOnceCauseIsKnown(why);
    } else {
      request.fail(why);
    }
  }

  @Override
  public void reject(QueuedRequest ended, ServingException why) {
    PendingRequest request = (PendingRequest) ended;
    Optional<PendingRequest> next = Optional.empty();
    try {
      next = handedOver(request);
    } finally {
      if (next.isEmpty()) {
        fail(request, why);
      }
    }
    next.ifPresent(request::continueAs);
  }

  /**
   * The request as another version has taken it over, which guarantees its one end from then on.
   */
  private Optional<PendingRequest> handedOver(PendingRequest request) {
    // By identity: a version that was registered again has the same name.
    return successor
        .get()
        .filter(other -> other != dispatcher && !request.hasLeft())
        .map(other -> other.takeOver(request));
  }

  @Override
  public void endSilently(QueuedRequest ended) {
    PendingRequest request = (PendingRequest) ended;
    recorder.ended(request, Outcome.CANCELLED);
    request.request().release();
  }

  @Override
  public void served(long nanos, long heldNanos) {
    recorder.served(nanos, heldNanos);
  }

  @Override
  public void silent(ReadyWorker worker) {
    ((DispatchedWorker) worker).reportSilence();
  }

  @Override
  public void drained(ReadyWorker worker) {
    ((DispatchedWorker) worker).reportDrained();
  }

  @Override
  public void armTimer(long atNanos) {
    try {
      disarmTimer();
      Duration delay = Duration.ofNanos(Math.max(0, atNanos - clock.nanoTime()));
      armed = Optional.of(timer.schedule(delay, onTimer));
    } catch (Throwable e) {
      dispatcher.timerFailed();
      report("The timer could not be armed", e);
    }
  }

  @Override
  public void disarmTimer() {
    armed.ifPresent(Scheduler.Scheduled::cancel);
    armed = Optional.empty();
  }

  @Override
  public void fault(Throwable fault) {
    report("An event could not be decided", fault);
  }

  private static void reportErrorStatus(PendingRequest request, int status) {
    try {
      request.worker.reportErrorStatus(request.batchId, status, request.request());
    } catch (Throwable e) {
      report("A worker's failure could not be counted", e);
    }
  }

  /** Logs a failure. What fails then, such as memory, must not keep anything from its end. */
  static void report(String what, Throwable failure) {
    try {
      LOGGER.error(what, failure);
    } catch (Throwable e) {
      // There is no one left to tell.
    }
  }

  private static List<InferenceRequest> requests(Batch batch) {
    if (batch.size() == 1) {
      return List.of(((PendingRequest) batch.request(0)).request());
    }
    List<InferenceRequest> requests = new ArrayList<>(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      requests.add(((PendingRequest) batch.request(i)).request());
    }
    return requests;
  }
}
