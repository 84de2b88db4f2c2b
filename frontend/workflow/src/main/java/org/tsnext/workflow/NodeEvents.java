package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/**
 * What happens to one try of a node: its response, its error, or a stream of chunks with an end.
 * Buffers passed in become the receiver's to release.
 */
interface NodeEvents {

  /** A worker is given the request of the try. */
  void dispatched();

  void completed(NodeResponse response);

  void failed(ServingException error);

  /** Of a stream that is passed on; {@code head} counts in the first one only. */
  void chunk(ResponseHead head, ByteBuf body);

  /** The last chunk of a stream that has begun. */
  void ended(ByteBuf body);
}
