package org.tsnext.core.inference;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.Outcome;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/**
 * One request on its way. This is where "exactly one end" is guaranteed: every end, whether an
 * answer, an error, a deadline or a client that left, is one compare-and-set of {@code state}, and
 * only the thread that wins it speaks to the sink. While a chunk is being delivered the state is
 * {@code DELIVERING}; an end that comes meanwhile from another thread is left in the state for the
 * delivering thread, so that the sink sees one thread at a time.
 *
 * <p>The request's buffers are released when the call has ended and no batch that is still to be
 * written holds it.
 */
final class Call implements InferenceService.InferenceCall {

  private static final Logger LOGGER = LoggerFactory.getLogger(Call.class);

  private static final Object OPEN = "open";
  private static final Object DELIVERING = "delivering";
  private static final Object ENDED = "ended";
  private static final Object HANDED_OVER = "handed over";

  /** Stands in {@code heir} for a client that left while the request was handed over. */
  private static final InferenceService.InferenceCall LEFT = () -> {};

  private static final AtomicReferenceFieldUpdater<Call, Object> STATE =
      AtomicReferenceFieldUpdater.newUpdater(Call.class, Object.class, "state");
  private static final AtomicIntegerFieldUpdater<Call> HOLDS =
      AtomicIntegerFieldUpdater.newUpdater(Call.class, "holds");
  private static final AtomicReferenceFieldUpdater<Call, InferenceService.InferenceCall> HEIR =
      AtomicReferenceFieldUpdater.newUpdater(
          Call.class, InferenceService.InferenceCall.class, "heir");

  private final Dispatcher dispatcher;
  private final InferenceRequest request;
  private final ResponseSink sink;
  private final long arrivalNanos;
  private final Deadline deadline;

  private volatile Object state = OPEN;
  private volatile int holds = 1;

  /** The call that goes on with the request, once it was handed over; null before. */
  @SuppressWarnings("UnusedVariable") // it is, by its updater
  private volatile InferenceService.InferenceCall heir;

  // The rest is guarded by the dispatcher's lock.

  /** Neighbours in the queue, and whether it is there. */
  Call previous;

  Call next;
  boolean queued;

  /** Where it runs, or null. */
  Batch batch;

  int item;

  /** The sequence it belongs to, or null. */
  Sequence sequence;

  /** Workers that died while they ran it. */
  int deaths;

  /** Whether a chunk was, or is about to be, delivered: then it cannot be run again. */
  boolean streaming;

  /** Its place among the deadlines, or -1. */
  int deadlineIndex = -1;

  Call(
      Dispatcher dispatcher,
      InferenceRequest request,
      ResponseSink sink,
      long arrivalNanos,
      Deadline deadline) {
    this.dispatcher = dispatcher;
    this.request = request;
    this.sink = sink;
    this.arrivalNanos = arrivalNanos;
    this.deadline = deadline;
  }

  InferenceRequest request() {
    return request;
  }

  ResponseSink sink() {
    return sink;
  }

  long arrivalNanos() {
    return arrivalNanos;
  }

  Deadline deadline() {
    return deadline;
  }

  boolean hasEnded() {
    Object now = state;
    return now != OPEN && now != DELIVERING;
  }

  @Override
  public void cancel() {
    if (end(Outcome.CANCELLED, silently -> {})) {
      dispatcher.forget(this);
    } else if (state == HANDED_OVER) {
      InferenceService.InferenceCall next = HEIR.getAndSet(this, LEFT);
      if (next != null) {
        next.cancel();
      }
    }
  }

  /**
   * Passes the request on to another version, which from now on guarantees its one end; this call
   * is over without a word, and cancelling it means the other. Off every lock, for a call that
   * neither waits nor runs.
   */
  void handOver(Dispatcher other) {
    if (!STATE.compareAndSet(this, OPEN, HANDED_OVER)) {
      return;
    }
    request.retain();
    InferenceService.InferenceCall next = other.takeOver(this);
    if (!HEIR.compareAndSet(this, null, next)) {
      next.cancel();
    }
    release();
  }

  /** Ends with a plain answer. Takes the buffer over. */
  void complete(ResponseHead head, ByteBuf body) {
    if (!end(Outcome.of(head.status()), to -> to.complete(head, body))) {
      body.release();
    }
  }

  /** Ends a stream. Takes the buffer over. */
  void endStream(ByteBuf body) {
    if (!end(Outcome.SUCCESS, to -> to.end(body))) {
      body.release();
    }
  }

  /** Ends with an error, whether or not chunks were sent. */
  void fail(ServingException error) {
    end(Outcome.of(error.httpStatus()), to -> to.fail(error));
  }

  /** Delivers a chunk, unless the call has ended. Takes the buffer over. One thread at a time. */
  void chunk(ResponseHead head, ByteBuf body) {
    if (!STATE.compareAndSet(this, OPEN, DELIVERING)) {
      body.release();
      return;
    }
    deliver(to -> to.chunk(head, body));
    if (!STATE.compareAndSet(this, DELIVERING, OPEN)) {
      Ending ending = (Ending) STATE.getAndSet(this, ENDED);
      finish(ending);
    }
  }

  /**
   * Keeps the buffers for a batch that will be written, until {@link #release}.
   *
   * @return false if the call has ended and its buffers are gone
   */
  boolean hold() {
    for (int now = holds; now > 0; now = holds) {
      if (HOLDS.compareAndSet(this, now, now + 1)) {
        return true;
      }
    }
    return false;
  }

  /** Gives back one hold. */
  void release() {
    if (HOLDS.decrementAndGet(this) == 0) {
      request.release();
    }
  }

  /** Returns whether this end is the one. */
  private boolean end(Outcome outcome, Ending ending) {
    while (true) {
      if (STATE.compareAndSet(this, OPEN, ENDED)) {
        dispatcher.ended(this, outcome);
        finish(ending);
        return true;
      }
      if (STATE.compareAndSet(this, DELIVERING, ending)) {
        dispatcher.ended(this, outcome);
        return true;
      }
      if (hasEnded()) {
        return false;
      }
    }
  }

  private void finish(Ending ending) {
    deliver(ending);
    release();
  }

  private void deliver(Ending step) {
    try {
      step.tell(sink);
    } catch (Throwable e) {
      // One transport's fault must not keep a worker, or other requests, waiting.
      LOGGER.error("The sink of request {} failed", request.id(), e);
    }
  }

  /** What is said to the sink. */
  @FunctionalInterface
  private interface Ending {
    void tell(ResponseSink sink);
  }
}
