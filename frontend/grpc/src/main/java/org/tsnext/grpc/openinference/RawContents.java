package org.tsnext.grpc.openinference;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;

/**
 * Raw contents: elements one after the other, little-endian. Checks them and writes them as JSON.
 */
final class RawContents {

  private RawContents() {}

  /**
   * Checks that there are as many elements as the shape has.
   *
   * @throws TensorException if there are not, saying what was expected
   */
  static void check(Datatype type, ByteString raw, long count) throws TensorException {
    if (type != Datatype.BYTES) {
      if (raw.size() != count * type.bytes()) {
        throw new TensorException(
            "has "
                + raw.size()
                + " raw bytes, expected "
                + count * type.bytes()
                + ": "
                + count
                + " elements of "
                + type.bytes()
                + " bytes");
      }
      return;
    }
    ByteBuffer elements = littleEndian(raw);
    long found = 0;
    while (elements.hasRemaining()) {
      int left = elements.remaining() - Integer.BYTES;
      int length = left < 0 ? -1 : elements.getInt();
      if (length < 0 || length > left) {
        throw new TensorException(
            "has raw bytes in which element "
                + found
                + " is cut, expected its length in 4 bytes, little-endian, and then as many");
      }
      elements.position(elements.position() + length);
      found++;
    }
    if (found != count) {
      throw new TensorException("has " + found + " elements, expected " + count);
    }
  }

  /** About how many bytes of JSON they become. */
  static long expectedJson(ByteString raw) {
    return 3L * raw.size();
  }

  /** A JSON array of contents that were checked. Bytes are in base64, the rest are numbers. */
  static void write(Datatype type, ByteString raw, JsonBytes json) {
    ByteBuffer elements = littleEndian(raw);
    json.plain('[');
    while (elements.hasRemaining()) {
      if (elements.position() > 0) {
        json.plain(',');
      }
      switch (type) {
        case BOOL -> json.plain(elements.get() == 0 ? "false" : "true");
        case INT8 -> json.plain(Integer.toString(elements.get()));
        case INT16 -> json.plain(Integer.toString(elements.getShort()));
        case INT32 -> json.plain(Integer.toString(elements.getInt()));
        case INT64 -> json.plain(Long.toString(elements.getLong()));
        case UINT8 -> json.plain(Integer.toString(Byte.toUnsignedInt(elements.get())));
        case UINT16 -> json.plain(Integer.toString(Short.toUnsignedInt(elements.getShort())));
        case UINT32 -> json.plain(Integer.toUnsignedString(elements.getInt()));
        case UINT64 -> json.plain(Long.toUnsignedString(elements.getLong()));
        // Python reads NaN, Infinity and -Infinity as Java writes them.
        case FP16 -> json.plain(Float.toString(HalfFloat.ofFp16(elements.getShort())));
        case BF16 -> json.plain(Float.toString(HalfFloat.ofBf16(elements.getShort())));
        case FP32 -> json.plain(Float.toString(elements.getFloat()));
        case FP64 -> json.plain(Double.toString(elements.getDouble()));
        case BYTES -> {
          byte[] element = new byte[elements.getInt()];
          elements.get(element);
          json.plain('"').bytes(Base64.getEncoder().encode(element)).plain('"');
        }
      }
    }
    json.plain(']');
  }

  /** The bytes from position 0 on, also where they are a part of a message. */
  static ByteBuffer littleEndian(ByteString raw) {
    return raw.asReadOnlyByteBuffer().slice().order(ByteOrder.LITTLE_ENDIAN);
  }
}
