package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.request.Header;

/**
 * The body of a message that is being written: small fields in buffers of its own, and between them
 * large values, which are not copied. In front of the first buffer there is room for a frame
 * header. It holds its buffers until it is closed or they are handed over.
 */
final class OutgoingBody implements AutoCloseable {

  /** Frame header and, in a message that is cut, its total. */
  static final int HEADROOM = FrameLimits.HEADER + FrameLimits.TOTAL;

  private static final int MAX_U16 = 0xFFFF;
  private static final int FURTHER_FIELDS = 256;

  /** Up to this size copying costs less than one more buffer in a gathering write. */
  private static final int SMALL_VALUE = 1024;

  private final FrameType type;
  private final ByteBufAllocator allocator;
  private final List<ByteBuf> segments = new ArrayList<>(4);
  private ByteBuf fields;

  OutgoingBody(FrameType type, ByteBufAllocator allocator, int expectedFields) {
    this.type = type;
    this.allocator = allocator;
    fields = FrameEncoder.add(allocator.buffer(HEADROOM + expectedFields), segments);
    fields.setIndex(HEADROOM, HEADROOM);
  }

  OutgoingBody u8(int value) {
    fields().writeByte(value);
    return this;
  }

  OutgoingBody u16(int value) {
    fields().writeShort(value);
    return this;
  }

  OutgoingBody u32(int value) {
    fields().writeInt(value);
    return this;
  }

  OutgoingBody str16(String field, String text) throws ProtocolException {
    ByteBuf out = fields();
    int start = out.writerIndex();
    out.writeShort(0);
    int length = ByteBufUtil.writeUtf8(out, text);
    out.setShort(start, checkU16(field, length));
    return this;
  }

  OutgoingBody str32(String text) {
    ByteBuf out = fields();
    int start = out.writerIndex();
    out.writeInt(0);
    out.setInt(start, ByteBufUtil.writeUtf8(out, text));
    return this;
  }

  /** Text without a length. */
  OutgoingBody utf8(String text) {
    ByteBufUtil.writeUtf8(fields(), text);
    return this;
  }

  /** A value with its u32 length. It stays the caller's; if it is large, this object shares it. */
  OutgoingBody bytes32(ByteBuf value) {
    int size = value.readableBytes();
    ByteBuf out = fields();
    out.writeInt(size);
    if (size > SMALL_VALUE) {
      FrameEncoder.add(value.retainedSlice(), segments);
      fields = null;
    } else {
      out.writeBytes(value, value.readerIndex(), size);
    }
    return this;
  }

  /** Count and size of all headers, then the headers. */
  OutgoingBody headers(List<Header> headers) throws ProtocolException {
    u16(checkCount("header count", headers.size(), FrameLimits.MAX_HEADERS));
    ByteBuf out = fields();
    int start = out.writerIndex();
    out.writeInt(0);
    for (Header header : headers) {
      str16("header name", header.name()).str32(header.value());
    }
    out.setInt(start, out.writerIndex() - start - Integer.BYTES);
    return this;
  }

  /** How many bytes of a value will be copied among the fields. */
  static int copied(ByteBuf value) {
    int size = value.readableBytes();
    return size > SMALL_VALUE ? 0 : size;
  }

  int checkCount(String field, int count, int limit) throws ProtocolException {
    if (count > limit) {
      throw new ProtocolException(
          field + " of " + type + " is " + count + ", expected at most " + limit);
    }
    return count;
  }

  /** Size so far, in bytes. */
  long size() {
    long size = 0;
    for (ByteBuf segment : segments) {
      size += segment.readableBytes();
    }
    return size;
  }

  /** What was written; stays this object's. The first has {@link #HEADROOM} before it. */
  List<ByteBuf> segments() {
    return segments;
  }

  /** Appends what was written to {@code out}, to which it belongs from then on. */
  void handOver(List<ByteBuf> out) {
    out.addAll(segments);
    segments.clear();
  }

  /** Releases what was not handed over. */
  @Override
  public void close() {
    segments.forEach(ByteBuf::release);
    segments.clear();
  }

  private ByteBuf fields() {
    if (fields == null) {
      fields = FrameEncoder.add(allocator.buffer(FURTHER_FIELDS), segments);
    }
    return fields;
  }

  private int checkU16(String field, int length) throws ProtocolException {
    return checkCount("length of " + field, length, MAX_U16);
  }
}
