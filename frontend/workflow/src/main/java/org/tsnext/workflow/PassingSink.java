package org.tsnext.workflow;

import io.netty.buffer.ByteBuf;
import java.util.Objects;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** Passes each chunk of a node's response on as it comes. */
final class PassingSink implements ResponseSink {

  private final NodeEvents events;
  private boolean streaming;

  PassingSink(NodeEvents events) {
    this.events = Objects.requireNonNull(events, "events");
  }

  @Override
  public void dispatched() {
    events.dispatched();
  }

  @Override
  public void complete(ResponseHead head, ByteBuf body) {
    events.completed(new NodeResponse(head, body));
  }

  @Override
  public void chunk(ResponseHead head, ByteBuf body) {
    streaming = true;
    events.chunk(head, body);
  }

  @Override
  public void end(ByteBuf body) {
    if (streaming) {
      events.ended(body);
    } else {
      events.completed(new NodeResponse(ResponseHead.EMPTY, body));
    }
  }

  @Override
  public void fail(ServingException error) {
    events.failed(error);
  }
}
