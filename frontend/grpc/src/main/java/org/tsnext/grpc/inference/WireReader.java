package org.tsnext.grpc.inference;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Reads one Protocol Buffers message, field by field, from a buffer that stays the caller's. Byte
 * fields are slices of it. Every length is checked against what is there.
 */
final class WireReader {

  static final int VARINT = 0;
  static final int FIXED64 = 1;
  static final int LENGTH = 2;
  static final int FIXED32 = 5;

  private static final int TYPE_BITS = 3;
  private static final int TYPE_MASK = (1 << TYPE_BITS) - 1;
  private static final int MAX_VARINT_BYTES = 10;

  private final ByteBuf message;

  WireReader(ByteBuf message) {
    this.message = message;
  }

  boolean hasNext() {
    return message.isReadable();
  }

  /** Number and type of the next field, for {@link #is} and {@link #skip}. */
  int tag() {
    long tag = varint();
    if (tag >>> TYPE_BITS == 0 || tag != (int) tag) {
      throw malformed("it has a field with the tag " + tag);
    }
    return (int) tag;
  }

  static boolean is(int tag, int field, int type) {
    return tag == (field << TYPE_BITS | type);
  }

  /** The bytes of a field with a length; the message stays their owner. */
  ByteBuf bytes() {
    long length = varint();
    if (length < 0 || length > message.readableBytes()) {
      throw malformed(
          "a field has a length of " + length + " bytes, " + message.readableBytes() + " are left");
    }
    return message.readSlice((int) length);
  }

  /** The text of a field. */
  String text() {
    ByteBuf bytes = bytes();
    ByteBuffer view = bytes.nioBuffer();
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(view).toString();
    } catch (CharacterCodingException e) {
      throw malformed("a text field is not UTF-8");
    }
  }

  /** Leaves out a field that is not known. */
  void skip(int tag) {
    switch (tag & TYPE_MASK) {
      case VARINT -> varint();
      case FIXED64 -> skipBytes(Long.BYTES);
      case LENGTH -> bytes();
      case FIXED32 -> skipBytes(Integer.BYTES);
      default -> throw malformed("it has a field of the wire type " + (tag & TYPE_MASK));
    }
  }

  private void skipBytes(int count) {
    if (message.readableBytes() < count) {
      throw malformed("it ends within a field");
    }
    message.skipBytes(count);
  }

  private long varint() {
    long value = 0;
    for (int i = 0; i < MAX_VARINT_BYTES; i++) {
      if (!message.isReadable()) {
        throw malformed("it ends within a number");
      }
      byte current = message.readByte();
      value |= (long) (current & 0x7f) << (7 * i);
      if (current >= 0) {
        return value;
      }
    }
    throw malformed("it has a number of more than " + MAX_VARINT_BYTES + " bytes");
  }

  private static ServingException malformed(String why) {
    return new ServingException(
        ErrorKind.BAD_REQUEST, "The message is not a PredictionsRequest: " + why + ".");
  }
}
