package org.tsnext.workflow;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** Puts the chunks of a node's response together, up to a limit. Thread-safe. */
final class CollectingSink implements ResponseSink {

  private static final int MAX_COMPONENTS = 16;

  private final NodeEvents events;
  private final int maxBytes;

  @GuardedBy("this")
  private ResponseHead head;

  @GuardedBy("this")
  private CompositeByteBuf chunks;

  @GuardedBy("this")
  private long bytes;

  @GuardedBy("this")
  private boolean tooLarge;

  @GuardedBy("this")
  private boolean discarded;

  CollectingSink(NodeEvents events, int maxBytes) {
    this.events = events;
    this.maxBytes = maxBytes;
  }

  @Override
  public void complete(ResponseHead responseHead, ByteBuf body) {
    events.completed(new NodeResponse(responseHead, body));
  }

  @Override
  public synchronized void chunk(ResponseHead responseHead, ByteBuf body) {
    add(responseHead, body);
  }

  @Override
  public void end(ByteBuf body) {
    NodeResponse whole;
    synchronized (this) {
      add(ResponseHead.EMPTY, body);
      if (discarded) {
        return;
      }
      whole = new NodeResponse(head, chunks);
      chunks = null;
      if (tooLarge) {
        whole.body().release();
        whole = null;
      }
    }
    if (whole == null) {
      events.failed(
          new ServingException(
              ErrorKind.INTERNAL,
              "The stream has more than the " + maxBytes + " bytes that the next node may get."));
    } else {
      events.completed(whole);
    }
  }

  @Override
  public void fail(ServingException error) {
    discard();
    events.failed(error);
  }

  /** Nobody wants the response any more; a chunk may be on its way all the same. */
  synchronized void discard() {
    discarded = true;
    if (chunks != null) {
      chunks.release();
      chunks = null;
    }
  }

  @GuardedBy("this")
  private void add(ResponseHead responseHead, ByteBuf body) {
    if (chunks == null && !discarded) {
      head = responseHead;
      chunks = Unpooled.compositeBuffer(MAX_COMPONENTS);
    }
    bytes += body.readableBytes();
    tooLarge |= bytes > maxBytes;
    if (discarded || tooLarge || !body.isReadable()) {
      body.release();
    } else {
      chunks.addComponent(true, body);
    }
  }
}
