package org.tsnext.core.request;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;

/**
 * Puts the parts of a body together. Large ones are kept as they are; small ones are copied, since
 * each would hold the whole buffer that it was read into for as long as the body is kept. One
 * thread at a time.
 */
public final class CollectedBody {

  private static final int SMALL = 16 * 1024;
  private static final int TAIL = 64 * 1024;

  private final CompositeByteBuf parts = Unpooled.compositeBuffer(Integer.MAX_VALUE);
  private ByteBuf tail = Unpooled.EMPTY_BUFFER;

  /** Adds a part and takes it over. */
  public void add(ByteBuf part) {
    if (part.readableBytes() > SMALL) {
      flushTail();
      parts.addComponent(true, part);
      return;
    }
    if (tail.maxWritableBytes() < part.readableBytes()) {
      flushTail();
      tail = Unpooled.buffer(Math.max(1024, part.readableBytes()), TAIL);
    }
    tail.writeBytes(part);
    part.release();
  }

  /** The whole body, now the caller's to release. */
  public ByteBuf take() {
    flushTail();
    return parts;
  }

  public void release() {
    tail.release();
    tail = Unpooled.EMPTY_BUFFER;
    parts.release();
  }

  private void flushTail() {
    if (tail.isReadable()) {
      parts.addComponent(true, tail);
    } else {
      tail.release();
    }
    tail = Unpooled.EMPTY_BUFFER;
  }

  /** A body as it may be kept for long; takes {@code body} over. */
  public static ByteBuf kept(ByteBuf body) {
    if (body.readableBytes() > SMALL) {
      return body;
    }
    try {
      return Unpooled.copiedBuffer(body);
    } finally {
      body.release();
    }
  }

  /** A request as it may be kept for long; takes {@code request} over. */
  public static InferenceRequest kept(InferenceRequest request) {
    return new InferenceRequest(
        request.id(),
        request.target(),
        request.kind(),
        request.origin(),
        request.headers(),
        request.parts().stream()
            .map(part -> new InputPart(part.name(), part.contentType(), kept(part.value())))
            .toList(),
        request.timeout());
  }
}
