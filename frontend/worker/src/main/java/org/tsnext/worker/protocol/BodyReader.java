package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.core.request.Header;

/** Reads the fields of a binary body, none beyond its end. The buffer stays the caller's. */
final class BodyReader {

  private final FrameType type;
  private final ByteBuf body;

  BodyReader(FrameType type, ByteBuf body) {
    this.type = type;
    this.body = body;
  }

  int u8(String field) throws ProtocolException {
    need(Byte.BYTES, field);
    return body.readUnsignedByte();
  }

  int u16(String field) throws ProtocolException {
    need(Short.BYTES, field);
    return body.readUnsignedShort();
  }

  long u64(String field) throws ProtocolException {
    need(Long.BYTES, field);
    return body.readLong();
  }

  double f64(String field) throws ProtocolException {
    need(Double.BYTES, field);
    return body.readDouble();
  }

  String str16(String field) throws ProtocolException {
    need(Short.BYTES, field);
    return text(body.readUnsignedShort(), field);
  }

  String str32(String field) throws ProtocolException {
    need(Integer.BYTES, field);
    return text(body.readUnsignedInt(), field);
  }

  /** A counted list of {@code str16 name, str32 value}. */
  List<Header> headers() throws ProtocolException {
    int count = count("header count", FrameLimits.MAX_HEADERS);
    if (count == 0) {
      return List.of();
    }
    List<Header> headers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      headers.add(new Header(str16("header name"), str32("header value")));
    }
    return headers;
  }

  /** A counted list of {@code str16 name, str16 value}. */
  List<Header> dimensions() throws ProtocolException {
    int count = count("dimension count", FrameLimits.MAX_DIMENSIONS);
    List<Header> dimensions = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      dimensions.add(new Header(str16("dimension name"), str16("dimension value")));
    }
    return dimensions;
  }

  /** Checks that nothing is left. */
  void end() throws ProtocolException {
    if (body.isReadable()) {
      throw new ProtocolException(type + " has " + body.readableBytes() + " bytes after its end");
    }
  }

  private int count(String field, int limit) throws ProtocolException {
    int count = u16(field);
    if (count > limit) {
      throw new ProtocolException(
          field + " of " + type + " is " + count + ", expected at most " + limit);
    }
    return count;
  }

  private String text(long length, String field) throws ProtocolException {
    if (length == 0) {
      return "";
    }
    need(length, field);
    int size = (int) length;
    if (!ByteBufUtil.isText(body, body.readerIndex(), size, StandardCharsets.UTF_8)) {
      throw new ProtocolException(field + " of " + type + " is not UTF-8");
    }
    return body.readCharSequence(size, StandardCharsets.UTF_8).toString();
  }

  private void need(long bytes, String field) throws ProtocolException {
    if (body.readableBytes() < bytes) {
      throw new ProtocolException(
          "%s of %s needs %d bytes, %d are left"
              .formatted(field, type, bytes, body.readableBytes()));
    }
  }
}
