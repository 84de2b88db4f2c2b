package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.List;
import org.tsnext.worker.protocol.FrameType.Flags;

/** Turns messages into frames, and cuts those that do not fit one. Bodies are not copied. */
public final class FrameEncoder {

  private final FrameLimits limits;
  private final ByteBufAllocator allocator;

  public FrameEncoder(FrameLimits limits, ByteBufAllocator allocator) {
    this.limits = limits;
    this.allocator = allocator;
  }

  /** Starts the body of a message. */
  OutgoingBody body(FrameType type, int expectedFields) {
    return new OutgoingBody(type, allocator, expectedFields);
  }

  /** A message without a body. */
  void encodeEmpty(FrameType type, int item, int id, List<ByteBuf> out) throws ProtocolException {
    encode(type, 0, item, id, body(type, 0), out);
  }

  /**
   * Appends a message's frames to {@code out}, whose buffers are then the caller's to release. The
   * body is taken over. If the message is larger than its type may be, nothing is appended.
   *
   * @param lastFlags flags of the last frame
   * @param item -1 for every item of the batch
   */
  void encode(FrameType type, int lastFlags, int item, int id, OutgoingBody body, List<ByteBuf> out)
      throws ProtocolException {
    long size = body.size();
    if (size > limits.message(type)) {
      body.release();
      throw new ProtocolException(
          type + " of " + size + " bytes, expected at most " + limits.message(type));
    }
    List<ByteBuf> segments = body.segments();
    ByteBuf first = segments.get(0);
    if (size <= limits.frameBody()) {
      first.readerIndex(OutgoingBody.HEADROOM - FrameLimits.HEADER);
      setHeader(first, (int) size, type, lastFlags, item, id);
      out.addAll(segments);
      return;
    }
    int firstBody = limits.frameBody() - FrameLimits.TOTAL;
    cut(type, lastFlags, item, id, size, firstBody, segments, out);
  }

  private void cut(
      FrameType type,
      int lastFlags,
      int item,
      int id,
      long size,
      int firstBody,
      List<ByteBuf> segments,
      List<ByteBuf> out) {
    ByteBuf header = allocator.ioBuffer(OutgoingBody.HEADROOM).writeZero(OutgoingBody.HEADROOM);
    setHeader(header, FrameLimits.TOTAL + firstBody, type, Flags.MORE, item, id);
    header.setInt(FrameLimits.HEADER, (int) size);
    out.add(header);
    long unframed = size - firstBody;
    int room = firstBody;
    for (ByteBuf segment : segments) {
      while (segment.isReadable()) {
        if (room == 0) {
          room = (int) Math.min(unframed, limits.frameBody());
          unframed -= room;
          int flags = Flags.CONTINUED | (unframed > 0 ? Flags.MORE : lastFlags);
          header = allocator.ioBuffer(FrameLimits.HEADER).writeZero(FrameLimits.HEADER);
          setHeader(header, room, type, flags, item, id);
          out.add(header);
        }
        int part = Math.min(room, segment.readableBytes());
        out.add(segment.readRetainedSlice(part));
        room -= part;
      }
      segment.release();
    }
  }

  private static void setHeader(
      ByteBuf buffer, int body, FrameType type, int flags, int item, int id) {
    int start = buffer.readerIndex();
    buffer.setInt(start, FrameLimits.COUNTED_HEADER + body);
    buffer.setByte(start + 4, type.code());
    buffer.setByte(start + 5, flags);
    buffer.setShort(start + 6, item);
    buffer.setInt(start + 8, id);
  }
}
