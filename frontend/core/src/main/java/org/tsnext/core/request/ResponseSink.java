package org.tsnext.core.request;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.tsnext.core.error.ServingException;

/**
 * Takes the answer of one request. The core calls it from one thread at a time, in order, and ends
 * it exactly once: by {@link #complete}, {@link #end} or {@link #fail}. Implementations do not
 * block. Buffers passed in become the sink's to release.
 */
public interface ResponseSink {

  /** A worker is given the request, for the first time; before anything else, except a failure. */
  default void dispatched() {}

  /** A plain answer; nothing follows. */
  void complete(ResponseHead head, ByteBuf body);

  /** A chunk of a stream. {@code head} counts in the first one only. */
  void chunk(ResponseHead head, ByteBuf body);

  /** The last chunk of a stream that has begun; may be empty. */
  void end(ByteBuf body);

  /** The end of a stream that has begun, and whose last chunk was given already. */
  default void end() {
    end(Unpooled.EMPTY_BUFFER);
  }

  /** The request failed, before or after chunks were sent. */
  void fail(ServingException error);
}
