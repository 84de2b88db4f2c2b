package org.tsnext.core.inference;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.scheduling.Deadline;
import org.tsnext.core.scheduling.QueuedRequest;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.core.tracing.RequestTrace;
import org.tsnext.core.tracing.WorkerAttempt;

/**
 * A request on its way. It owns the request's buffers until it ends or is handed over. That it ends
 * exactly once is decided by the scheduler; that its sink is called in order and by one thread at a
 * time follows from the one turn in which all effects of a version run; after it comes no more than
 * the failure of a request whose worker is lost, which waits for the cause.
 */
final class PendingRequest extends QueuedRequest implements InferenceService.InferenceCall {

  private static final Logger LOGGER = LoggerFactory.getLogger(PendingRequest.class);

  private final VersionDispatcher dispatcher;
  private final InferenceRequest request;
  private final ResponseSink sink;

  /** Notes its moments; null if nobody follows it. */
  private final RequestTimeline timeline;

  private volatile boolean left;

  /** What goes on with the request, once it was handed over; null before. */
  private volatile PendingRequest successor;

  /** The worker that it was sent to last, and its batch there; belong to the effects. */
  DispatchedWorker worker;

  int batchId;

  /** What the timeline has of that; null if nobody follows it, or before it was sent. */
  private volatile WorkerAttempt attempt;

  PendingRequest(
      VersionDispatcher dispatcher,
      InferenceRequest request,
      String sequenceId,
      ResponseSink sink,
      long arrivalNanos,
      Deadline deadline) {
    super(request.kind(), request.version(), sequenceId, arrivalNanos, deadline);
    this.dispatcher = dispatcher;
    this.request = request;
    this.sink = sink;
    this.timeline = request.origin().timeline().orElse(null);
  }

  InferenceRequest request() {
    return request;
  }

  ResponseSink sink() {
    return sink;
  }

  /** Whether somebody follows it. */
  boolean isFollowed() {
    return timeline != null;
  }

  /** Notes that a worker is about to get it, in a timeline that is there. */
  void noteSent(FollowedBatch batch, int item) {
    WorkerAttempt before = attempt;
    long queued =
        before == null
            ? arrivalNanos()
            : before.end().map(WorkerAttempt.End::nanos).orElse(arrivalNanos());
    attempt = timeline.sent(batch, item, queued);
  }

  /** Notes that the worker which had it has done with it, or was lost, if somebody follows it. */
  void noteEnd(long nanos, boolean lost) {
    WorkerAttempt last = attempt;
    if (last != null) {
      last.end(nanos, lost);
    }
  }

  /** Forgets that a worker had it which has given it back. Does nothing if none had. */
  void noteWithdrawn() {
    WorkerAttempt last = attempt;
    if (last != null) {
      timeline.withdrawn(last);
      attempt = null;
    }
  }

  /** Notes when its handler ran, if somebody follows it. */
  void noteHandled(WorkerAttempt.HandlerTime time) {
    WorkerAttempt last = attempt;
    if (last != null) {
      last.handled(time);
    }
  }

  /** The id of its trace, if it is recorded. */
  Optional<String> sampledTrace() {
    return timeline == null
        ? Optional.empty()
        : timeline.trace().filter(RequestTrace::isSampled).map(RequestTrace::traceId);
  }

  /** Whether its client has left: the sink is called no more. */
  boolean hasLeft() {
    return left;
  }

  @Override
  public void cancel() {
    left = true;
    dispatcher.cancel(this);
    PendingRequest next = successor;
    if (next != null) {
      next.cancel();
    }
  }

  /** Tells the client, unless it has left, and releases the request. */
  void fail(ServingException why) {
    try {
      if (!left) {
        sink.fail(why);
      }
    } finally {
      request.release();
    }
  }

  /** As {@link #fail}, with how the worker ended, which its parent process tells a moment later. */
  void failOnceCauseIsKnown(ServingException why) {
    AtomicBoolean told = new AtomicBoolean();
    Consumer<Optional<String>> end =
        how -> {
          if (told.compareAndSet(false, true)) {
            fail(how.map(why::withDetail).orElse(why));
          }
        };
    try {
      worker.onceEnded(
          how -> {
            try {
              end.accept(how);
            } catch (Throwable e) {
              LOGGER.error("A client could not be told that its worker ended", e);
            }
          });
    } catch (Throwable e) {
      end.accept(Optional.empty());
      throw e;
    }
  }

  /** Another version goes on with the request: cancelling this one means {@code next}. */
  void continueAs(PendingRequest next) {
    successor = next;
    // In this order: a client that leaves meanwhile sees the successor, or is seen here.
    if (left) {
      next.cancel();
    }
  }
}
