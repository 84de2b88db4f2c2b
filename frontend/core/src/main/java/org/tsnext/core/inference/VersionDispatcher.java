package org.tsnext.core.inference;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.concurrent.SerialQueue;
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
import org.tsnext.core.scheduling.Effects;
import org.tsnext.core.scheduling.ReadyWorker;
import org.tsnext.core.scheduling.VersionScheduler;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkSeat;
import org.tsnext.core.worker.WorkSource;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.Workforce;

/**
 * Brings the requests of one model version to its workers. Every event takes the one lock, is
 * decided by the {@link VersionScheduler} in a few dozen instructions, and leaves effects; they run
 * off the lock, in the order of the decisions and one at a time, on the thread of one of the
 * events. May be used by any thread.
 */
public final class VersionDispatcher implements WorkSource {

  private static final Logger LOGGER = LoggerFactory.getLogger(VersionDispatcher.class);

  private final Object lock = new Object();

  @GuardedBy("lock")
  private final Effects decided = new Effects();

  @GuardedBy("lock")
  private final VersionScheduler scheduler;

  /** Whether a task waits in the queue that takes what was decided. */
  @GuardedBy("lock")
  private boolean queued;

  private final SerialQueue queue =
      new SerialQueue(failure -> LOGGER.error("Effects failed", failure));
  private final Runnable runDecided = this::runDecided;
  private final EffectRunner runner;
  private final DispatchPolicy policy;
  private final Optional<SequenceIds> sequenceIds;
  private final Clock clock;
  private final VersionMetrics metrics;

  /** Something that happened. */
  private interface Event {
    void tell(VersionScheduler events, long now);
  }

  /** Something that happened, of which the scheduler has something to say at once. */
  private interface Decision<T> {
    T make(VersionScheduler events, long now);
  }

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
    this.scheduler = new VersionScheduler(policy, decided);
    this.runner = new EffectRunner(this, clock, timer, metrics, successor);
  }

  /** Takes a request over; see {@link InferenceService#submit}. */
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    metrics.arrived(request);
    return enter(request, sink, null);
  }

  /** Goes on with a request that another version had admitted. Takes the buffers over. */
  PendingRequest takeOver(PendingRequest from) {
    return enter(from.request(), from.sink(), from);
  }

  /** {@code from} is null for a new request. */
  private PendingRequest enter(InferenceRequest request, ResponseSink sink, PendingRequest from) {
    boolean ofSequence = sequenceIds.isPresent() && request.kind() != RequestKind.DESCRIBE;
    InferenceRequest named = ofSequence ? sequenceIds.get().named(request) : request;
    String sequence = ofSequence ? sequenceIds.get().of(named) : "";
    PendingRequest pending;
    try {
      synchronized (lock) {
        // Read here, so that no event comes with an earlier time than the one before it.
        long now = clock.nanoTime();
        long arrival = from == null ? now : from.arrivalNanos();
        Deadline deadline =
            from == null
                ? Deadline.of(now, policy.clientTimeout(), request.timeout())
                : from.deadline();
        pending = new PendingRequest(this, named, sequence, sink, arrival, deadline);
        try {
          if (from == null) {
            scheduler.onSubmitted(pending, now);
          } else {
            scheduler.onTakenOver(pending, from, now);
          }
        } catch (Throwable e) {
          scheduler.onFault(pending, internal("The request could not be admitted", e), now);
        } finally {
          enqueue();
        }
      }
    } finally {
      queue.drain();
    }
    return pending;
  }

  @Override
  public WorkSeat open(int workerId, WorkerProcess process, WorkSeat.Observer observer) {
    return new DispatchedWorker(this, policy, clock.nanoTime(), workerId, process, observer);
  }

  @Override
  public void workforce(Workforce workforce) {
    feed((events, now) -> events.onWorkforce(workforce));
  }

  /**
   * The version is being unregistered. What runs may end. What waits and what comes goes to the
   * successor if it named no version, or else fails with {@code MODEL_GOING_AWAY}.
   */
  public void unregister() {
    feed((events, now) -> events.onUnregistered());
  }

  /** The server stops, and its time is over: what waits and what comes fails. */
  public void shutDown() {
    feed((events, now) -> events.onShutDown());
  }

  /** Requests that wait for a worker. */
  public int queueLength() {
    synchronized (lock) {
      return scheduler.queueLength();
    }
  }

  /** How long a batch that is not full waits now. */
  public Duration batchDelay() {
    synchronized (lock) {
      return scheduler.batchDelay();
    }
  }

  /** Whether nothing waits and nothing runs. */
  public boolean isIdle() {
    synchronized (lock) {
      return scheduler.isIdle();
    }
  }

  void cancel(PendingRequest request) {
    feed((events, now) -> events.onCancelled(request, now));
  }

  void workerReady(ReadyWorker worker) {
    feed((events, now) -> events.onWorkerReady(worker, now));
  }

  /** See {@link VersionScheduler#onResponse}. */
  Delivery response(
      ReadyWorker worker, int batchId, int item, ResponseHead head, ByteBuf body, boolean last) {
    List<String> ended = sequenceIds.isEmpty() ? List.of() : sequenceIds.get().ended(head);
    // Not by decide(), which would cost an object for each response.
    try {
      synchronized (lock) {
        try {
          long now = clock.nanoTime();
          return scheduler.onResponse(worker, batchId, item, head, body, last, ended, now);
        } finally {
          enqueue();
        }
      }
    } finally {
      queue.drain();
    }
  }

  /** See {@link VersionScheduler#onError}. */
  boolean error(
      ReadyWorker worker, int batchId, int item, ServingException why, HandlerError error) {
    return decide((events, now) -> events.onError(worker, batchId, item, why, error, now));
  }

  void sendFailed(Batch batch, Throwable failure) {
    ServingException why = internal("The request could not be sent to its worker", failure);
    feed((events, now) -> events.onSendFailed(batch, why, now));
  }

  void drain(ReadyWorker worker) {
    feed((events, now) -> events.onDrain(worker, now));
  }

  /** See {@link VersionScheduler#onWorkerLost}. */
  void workerLost(ReadyWorker worker, boolean begun) {
    feed((events, now) -> events.onWorkerLost(worker, begun, now));
  }

  void timerFired() {
    feed((events, now) -> events.onTimer(now));
  }

  void timerFailed() {
    synchronized (lock) {
      scheduler.onTimerFailed();
    }
  }

  /** Reads the state of a worker as it is between two events. */
  <T> T read(Supplier<T> state) {
    synchronized (lock) {
      return state.get();
    }
  }

  private void feed(Event event) {
    decide(
        (events, now) -> {
          event.tell(events, now);
          return true;
        });
  }

  /** Has one event decided, and its effects carried out by this thread or the one that is at it. */
  private <T> T decide(Decision<T> decision) {
    try {
      synchronized (lock) {
        try {
          return decision.make(scheduler, clock.nanoTime());
        } finally {
          enqueue();
        }
      }
    } finally {
      queue.drain();
    }
  }

  /**
   * Keeps the effects in order: they enter the queue before the lock is released. They are taken
   * here if the runner is free, which saves taking the lock again, and by a task otherwise.
   */
  @GuardedBy("lock")
  private void enqueue() {
    if (decided.isEmpty() || queued) {
      return;
    }
    if (runner.isFree()) {
      runner.take(decided);
      queue.add(runner);
    } else {
      queued = true;
      queue.add(runDecided);
    }
  }

  private void runDecided() {
    synchronized (lock) {
      queued = false;
      runner.take(decided);
    }
    runner.run();
  }

  private static ServingException internal(String message, Throwable cause) {
    return new ServingException(ErrorKind.INTERNAL, message + ": " + cause, cause);
  }
}
