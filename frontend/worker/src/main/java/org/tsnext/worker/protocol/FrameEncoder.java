package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.List;
import org.tsnext.worker.protocol.FrameType.Flags;

/**
 * Turns messages into frames, and cuts those that do not fit one. Bodies are not copied. A message
 * gives all of its frames or none.
 */
public final class FrameEncoder {

  private final FrameLimits limits;
  private final ByteBufAllocator allocator;

  public FrameEncoder(FrameLimits limits, ByteBufAllocator allocator) {
    this.limits = limits;
    this.allocator = allocator;
  }

  /**
   * Appends all frames of a message to {@code out}, whose buffers are then the caller's to release.
   * Whatever it throws, an {@link Error} included, nothing is appended and nothing of the message
   * is held any more.
   *
   * @throws ProtocolException if the message does not fit the protocol
   */
  public void encode(Outgoing message, List<ByteBuf> out) throws ProtocolException {
    int before = out.size();
    boolean whole = false;
    try {
      message.appendTo(out, this);
      whole = true;
    } finally {
      if (!whole) {
        List<ByteBuf> cut = out.subList(before, out.size());
        cut.forEach(ByteBuf::release);
        cut.clear();
        message.release();
      }
    }
  }

  /** Starts the body of a message, which the caller closes. */
  OutgoingBody body(FrameType type, int expectedFields) {
    return new OutgoingBody(type, allocator, expectedFields);
  }

  /** Appends the frames of a message without a body. */
  void appendEmpty(FrameType type, int item, int id, List<ByteBuf> out) throws ProtocolException {
    try (OutgoingBody body = body(type, 0)) {
      append(type, 0, item, id, body, out);
    }
  }

  /**
   * Appends the frames of one body to {@code out}. On failure some of them may be there, which
   * {@link #encode} takes away. The body stays the caller's to close.
   *
   * @param lastFlags flags of the last frame
   * @param item -1 for every item of the batch
   */
  void append(FrameType type, int lastFlags, int item, int id, OutgoingBody body, List<ByteBuf> out)
      throws ProtocolException {
    long size = body.size();
    if (size > limits.message(type)) {
      throw new ProtocolException(
          type + " of " + size + " bytes, expected at most " + limits.message(type));
    }
    List<ByteBuf> segments = body.segments();
    ByteBuf first = segments.get(0);
    if (size <= limits.frameBody()) {
      first.readerIndex(OutgoingBody.HEADROOM - FrameLimits.HEADER);
      setHeader(first, (int) size, type, lastFlags, item, id);
      body.handOver(out);
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
    ByteBuf header = add(allocator.buffer(OutgoingBody.HEADROOM), out);
    header.writeZero(OutgoingBody.HEADROOM);
    setHeader(header, FrameLimits.TOTAL + firstBody, type, Flags.MORE, item, id);
    header.setInt(FrameLimits.HEADER, (int) size);
    long unframed = size - firstBody;
    int room = firstBody;
    for (ByteBuf segment : segments) {
      while (segment.isReadable()) {
        if (room == 0) {
          room = (int) Math.min(unframed, limits.frameBody());
          unframed -= room;
          int flags = Flags.CONTINUED | (unframed > 0 ? Flags.MORE : lastFlags);
          header = add(allocator.buffer(FrameLimits.HEADER), out);
          header.writeZero(FrameLimits.HEADER);
          setHeader(header, room, type, flags, item, id);
        }
        int part = Math.min(room, segment.readableBytes());
        add(segment.readRetainedSlice(part), out);
        room -= part;
      }
    }
  }

  /** Adds a buffer, or releases it if there is no memory for the list. */
  static ByteBuf add(ByteBuf buffer, List<ByteBuf> out) {
    boolean added = false;
    try {
      out.add(buffer);
      added = true;
      return buffer;
    } finally {
      if (!added) {
        buffer.release();
      }
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
