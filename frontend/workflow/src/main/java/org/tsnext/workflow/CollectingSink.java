package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** Puts the chunks of a node's response together, up to a limit. */
final class CollectingSink implements ResponseSink {

  private static final int MAX_COMPONENTS = 16;

  private final NodeEvents events;
  private final int maxBytes;
  private ResponseHead head;
  private CompositeByteBuf chunks;
  private long bytes;
  private boolean tooLarge;

  CollectingSink(NodeEvents events, int maxBytes) {
    this.events = events;
    this.maxBytes = maxBytes;
  }

  @Override
  public void complete(ResponseHead responseHead, ByteBuf body) {
    events.completed(new NodeResponse(responseHead, body));
  }

  @Override
  public void chunk(ResponseHead responseHead, ByteBuf body) {
    if (head == null) {
      head = responseHead;
      chunks = Unpooled.compositeBuffer(MAX_COMPONENTS);
    }
    add(body);
  }

  @Override
  public void end(ByteBuf body) {
    if (head == null) {
      events.completed(new NodeResponse(ResponseHead.EMPTY, body));
      return;
    }
    add(body);
    if (tooLarge) {
      chunks.release();
      events.failed(
          new ServingException(
              ErrorKind.INTERNAL,
              "The stream has more than the " + maxBytes + " bytes that the next node may get."));
    } else {
      events.completed(new NodeResponse(head, chunks));
    }
  }

  @Override
  public void fail(ServingException error) {
    if (chunks != null) {
      chunks.release();
    }
    events.failed(error);
  }

  private void add(ByteBuf body) {
    bytes += body.readableBytes();
    tooLarge |= bytes > maxBytes;
    if (tooLarge || !body.isReadable()) {
      body.release();
    } else {
      chunks.addComponent(true, body);
    }
  }
}
