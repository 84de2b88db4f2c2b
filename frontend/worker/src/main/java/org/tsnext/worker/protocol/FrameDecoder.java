package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;

/** Cuts the stream of a worker into frames, without their length. */
public final class FrameDecoder extends LengthFieldBasedFrameDecoder {

  private static final int LENGTH_FIELD = Integer.BYTES;

  /** Up to this size putting pieces of frames together costs less than keeping them apart. */
  private static final int MAX_COPIED = 16 * 1024;

  public FrameDecoder(FrameLimits limits) {
    super(LENGTH_FIELD + limits.frame(), 0, LENGTH_FIELD, 0, LENGTH_FIELD);
    setCumulator(FrameDecoder::cumulate);
  }

  /** Copies small pieces together, and shares large ones. */
  private static ByteBuf cumulate(ByteBufAllocator allocator, ByteBuf gathered, ByteBuf piece) {
    boolean small = gathered.readableBytes() + piece.readableBytes() <= MAX_COPIED;
    Cumulator cumulator = small ? MERGE_CUMULATOR : COMPOSITE_CUMULATOR;
    return cumulator.cumulate(allocator, gathered, piece);
  }
}
