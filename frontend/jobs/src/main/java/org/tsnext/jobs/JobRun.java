package org.tsnext.jobs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.CollectedBody;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** One run of a job: the sink of its request. Takes room for the response as it comes. */
final class JobRun implements ResponseSink {

  /** Is told what happens. Called by any thread, without a lock; does not block. */
  interface Listener {

    void dispatched();

    /**
     * The response is there.
     *
     * @param body taken over; its bytes have their room
     */
    void responded(ResponseHead head, ByteBuf body);

    void failed(ServingException error);
  }

  private final JobRoom room;
  private final long requestBytes;
  private final Listener listener;

  /** While the core takes the request, and no worker has it, a failure is a refusal. */
  @GuardedBy("this")
  private boolean undecided = true;

  @GuardedBy("this")
  private Optional<ServingException> refusal = Optional.empty();

  @GuardedBy("this")
  private Optional<InferenceCall> call = Optional.empty();

  @GuardedBy("this")
  private boolean ended;

  @GuardedBy("this")
  private Optional<ResponseHead> head = Optional.empty();

  @GuardedBy("this")
  private CollectedBody chunks;

  @GuardedBy("this")
  private long held;

  /**
   * @param requestBytes that the request holds of the room until the run ends
   */
  JobRun(JobRoom room, long requestBytes, Listener listener) {
    this.room = room;
    this.requestBytes = requestBytes;
    this.listener = listener;
  }

  /**
   * Submits the request.
   *
   * @param request taken over
   * @return why it was refused at once; then the listener hears nothing
   */
  Optional<ServingException> submitTo(InferenceService door, InferenceRequest request) {
    InferenceCall submitted = door.submit(request, this);
    boolean stopped;
    synchronized (this) {
      undecided = false;
      if (refusal.isPresent()) {
        return refusal;
      }
      stopped = ended;
      if (!ended) {
        call = Optional.of(submitted);
      }
    }
    if (stopped) {
      submitted.cancel();
    }
    return Optional.empty();
  }

  /** Ends the run without a word to the listener; the worker is told. */
  void stop() {
    Optional<InferenceCall> running;
    synchronized (this) {
      if (ended) {
        return;
      }
      finish();
      running = call;
    }
    running.ifPresent(InferenceCall::cancel);
  }

  @Override
  public void dispatched() {
    synchronized (this) {
      undecided = false;
      if (ended) {
        return;
      }
    }
    listener.dispatched();
  }

  @Override
  public void complete(ResponseHead responseHead, ByteBuf body) {
    long size = body.readableBytes();
    synchronized (this) {
      if (ended) {
        body.release();
        return;
      }
      finish();
    }
    // The request goes when its response is there.
    if (room.take(size, requestBytes)) {
      listener.responded(responseHead, CollectedBody.kept(body));
    } else {
      body.release();
      listener.failed(room.full("The response", size));
    }
  }

  @Override
  public void chunk(ResponseHead responseHead, ByteBuf body) {
    if (!add(responseHead, body)) {
      stopFull();
    }
  }

  @Override
  public void end(ByteBuf body) {
    if (!add(ResponseHead.EMPTY, body)) {
      stopFull();
      return;
    }
    ResponseHead first;
    ByteBuf whole;
    synchronized (this) {
      if (ended) {
        return;
      }
      first = head.orElse(ResponseHead.EMPTY);
      whole = chunks.take();
      // Their room goes with the body.
      chunks = null;
      held = 0;
      finish();
    }
    listener.responded(first, whole);
  }

  @Override
  public void fail(ServingException error) {
    synchronized (this) {
      if (ended) {
        return;
      }
      finish();
      if (undecided) {
        refusal = Optional.of(error);
        return;
      }
    }
    listener.failed(error);
  }

  /** Takes the part over; returns false if there is no room for it. */
  private synchronized boolean add(ResponseHead responseHead, ByteBuf part) {
    long size = part.readableBytes();
    if (ended || !room.take(size)) {
      part.release();
      return ended;
    }
    if (chunks == null) {
      chunks = new CollectedBody();
      head = Optional.of(responseHead);
    }
    held += size;
    chunks.add(part);
    return true;
  }

  private void stopFull() {
    long size;
    synchronized (this) {
      size = held;
    }
    ServingException full = room.full("The stream, which was stopped,", size);
    stop();
    listener.failed(full);
  }

  @GuardedBy("this")
  private void finish() {
    ended = true;
    if (chunks != null) {
      chunks.release();
      chunks = null;
    }
    room.give(held);
    held = 0;
  }
}
