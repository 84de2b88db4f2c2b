package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/**
 * Brings the core's answers to the connection's event loop, in order: at once if the caller is on
 * it already and nothing is on its way, through the loop's queue otherwise.
 */
public abstract class LoopSink implements ResponseSink {

  private final EventLoop loop;
  private final AtomicInteger underWay = new AtomicInteger();

  protected LoopSink(EventLoop loop) {
    this.loop = loop;
  }

  /** As {@link #complete}, on the loop. */
  protected abstract void onComplete(ResponseHead head, ByteBuf body);

  /** As {@link #chunk}, on the loop. */
  protected abstract void onChunk(ResponseHead head, ByteBuf body);

  /** As {@link #end}, on the loop. */
  protected abstract void onEnd(ByteBuf body);

  /** As {@link #fail}, on the loop. */
  protected abstract void onFail(ServingException error);

  @Override
  public final void complete(ResponseHead head, ByteBuf body) {
    if (isHere()) {
      onComplete(head, body);
    } else {
      hop(() -> onComplete(head, body), body);
    }
  }

  @Override
  public final void chunk(ResponseHead head, ByteBuf body) {
    if (isHere()) {
      onChunk(head, body);
    } else {
      hop(() -> onChunk(head, body), body);
    }
  }

  @Override
  public final void end(ByteBuf body) {
    if (isHere()) {
      onEnd(body);
    } else {
      hop(() -> onEnd(body), body);
    }
  }

  @Override
  public final void fail(ServingException error) {
    if (isHere()) {
      onFail(error);
    } else {
      hop(() -> onFail(error), null);
    }
  }

  private boolean isHere() {
    return loop.inEventLoop() && underWay.get() == 0;
  }

  /**
   * @param body released if the loop has ended and takes nothing any more; may be null
   */
  private void hop(Runnable delivery, ByteBuf body) {
    underWay.incrementAndGet();
    try {
      loop.execute(
          () -> {
            underWay.decrementAndGet();
            delivery.run();
          });
    } catch (RejectedExecutionException e) {
      if (body != null) {
        body.release();
      }
    }
  }
}
