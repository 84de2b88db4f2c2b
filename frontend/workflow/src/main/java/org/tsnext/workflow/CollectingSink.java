package org.tsnext.workflow;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.CollectedBody;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** Puts the chunks of a node's response together, up to a limit. Thread-safe. */
final class CollectingSink implements ResponseSink {

  private final NodeEvents events;
  private final int maxBytes;

  @GuardedBy("this")
  private ResponseHead head;

  @GuardedBy("this")
  private CollectedBody chunks;

  @GuardedBy("this")
  private long bytes;

  @GuardedBy("this")
  private boolean discarded;

  CollectingSink(NodeEvents events, int maxBytes) {
    this.events = events;
    this.maxBytes = maxBytes;
  }

  @Override
  public void dispatched() {
    events.dispatched();
  }

  @Override
  public void complete(ResponseHead responseHead, ByteBuf body) {
    events.completed(new NodeResponse(responseHead, body));
  }

  @Override
  public void chunk(ResponseHead responseHead, ByteBuf body) {
    if (!add(responseHead, body)) {
      events.failed(tooLarge());
    }
  }

  @Override
  public void end(ByteBuf body) {
    if (!add(ResponseHead.EMPTY, body)) {
      events.failed(tooLarge());
      return;
    }
    NodeResponse whole;
    synchronized (this) {
      if (discarded) {
        return;
      }
      whole = new NodeResponse(head, chunks.take());
      chunks = null;
    }
    events.completed(whole);
  }

  @Override
  public void fail(ServingException error) {
    discard();
    events.failed(error);
  }

  /** No client wants the response any more; a chunk may be on its way all the same. */
  synchronized void discard() {
    discarded = true;
    if (chunks != null) {
      chunks.release();
      chunks = null;
    }
  }

  /** Takes the chunk over; returns false if it is the one that is too much. */
  private synchronized boolean add(ResponseHead responseHead, ByteBuf body) {
    bytes += body.readableBytes();
    if (discarded || bytes > maxBytes) {
      boolean first = !discarded;
      body.release();
      discard();
      return !first;
    }
    if (chunks == null) {
      head = responseHead;
      chunks = new CollectedBody();
    }
    chunks.add(body);
    return true;
  }

  /** As of a response in one piece: another try would say no less. */
  private ServingException tooLarge() {
    return new ServingException(
        ErrorKind.REQUEST_TOO_LARGE,
        "Its stream has more than the " + maxBytes + " bytes that the next node may get.");
  }
}
