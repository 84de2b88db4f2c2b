package org.tsnext.grpc.call;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/**
 * Answers with one message: a plain answer, or the parts of a stream together. Locked for {@link
 * #clientGone}, which may come while a part does.
 *
 * @param <A> the message
 */
public abstract class UnarySink<A> implements ResponseSink {

  private static final int MAX_COMPONENTS = 1024;

  private final UnaryExchange<A> exchange;
  private final RunningCall running;
  private final int limit;

  /** The parts so far, and the head of the first; null before it and after the end. */
  private CompositeByteBuf parts;

  private ResponseHead head;
  private boolean ended;

  /**
   * @param limit bytes that the parts of a stream may have together
   */
  protected UnarySink(UnaryExchange<A> exchange, RunningCall running, int limit) {
    this.exchange = exchange;
    this.running = running;
    this.limit = limit;
  }

  /**
   * Answers with the message that a whole answer becomes. On the thread of the core; takes the
   * buffer over.
   */
  protected abstract void respond(ResponseHead responseHead, ByteBuf body);

  /** The call that is answered. */
  protected final UnaryExchange<A> exchange() {
    return exchange;
  }

  @Override
  public final void complete(ResponseHead responseHead, ByteBuf body) {
    Optional<ServingException> failure = HandlerStatus.failure(responseHead, body);
    if (failure.isPresent()) {
      body.release();
      exchange.hold(0);
      exchange.fail(failure.get(), HandlerMetadata.trailers(responseHead));
    } else {
      exchange.hold(body.readableBytes());
      respond(responseHead, body);
    }
  }

  @Override
  public final void chunk(ResponseHead chunkHead, ByteBuf body) {
    boolean tooMuch;
    synchronized (this) {
      if (ended) {
        body.release();
        return;
      }
      if (parts == null) {
        parts = ByteBufAllocator.DEFAULT.compositeBuffer(MAX_COMPONENTS);
        head = chunkHead;
      }
      parts.addComponent(true, body);
      exchange.hold(parts.readableBytes());
      tooMuch = parts.readableBytes() > limit;
    }
    if (tooMuch) {
      clientGone();
      exchange.fail(
          new ServingException(
              ErrorKind.OUT_OF_RESOURCES,
              "The parts of the response have more than "
                  + limit
                  + " bytes together (max_response_size); StreamPredictions sends them one by"
                  + " one."));
    }
  }

  @Override
  public final void end(ByteBuf body) {
    CompositeByteBuf whole;
    synchronized (this) {
      if (ended || parts == null) {
        body.release();
        return;
      }
      ended = true;
      whole = parts.addComponent(true, body);
      parts = null;
    }
    complete(head, whole);
  }

  @Override
  public final void fail(ServingException error) {
    drop();
    exchange.fail(error);
  }

  /** The answer is not wanted any more. */
  public final void clientGone() {
    drop();
    running.cancel();
  }

  private synchronized void drop() {
    ended = true;
    if (parts != null) {
      parts.release();
      parts = null;
      exchange.hold(0);
    }
  }
}
