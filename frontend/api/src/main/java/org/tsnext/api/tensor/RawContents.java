package org.tsnext.api.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * Raw contents: elements one after the other, little-endian. Checks them and writes them as JSON.
 */
public final class RawContents {

  /** How the elements of {@link Datatype#BYTES} are written in JSON. */
  public enum BytesForm {
    /** A text in base64, whatever they are. */
    BASE64,
    /** The text that they are in UTF-8; what is none becomes {@code {"b64": "..."}}. */
    TEXT
  }

  private RawContents() {}

  /**
   * Checks that there are as many elements as the shape has.
   *
   * @param raw from its position to its limit; left as it is
   * @throws TensorException if there are not, saying what was expected
   */
  public static void check(Datatype type, ByteBuffer raw, long count) throws TensorException {
    if (type != Datatype.BYTES) {
      if (raw.remaining() != count * type.bytes()) {
        throw new TensorException(
            "has "
                + raw.remaining()
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

  /** About how many bytes of JSON so many raw bytes become. */
  public static long expectedJson(int bytes) {
    return 3L * bytes;
  }

  /** Writes a JSON array of contents that were checked. What is not bytes are numbers. */
  public static void write(Datatype type, ByteBuffer raw, JsonBytes json, BytesForm form) {
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
          writeBytes(element, json, form);
        }
      }
    }
    json.plain(']');
  }

  private static void writeBytes(byte[] element, JsonBytes json, BytesForm form) {
    if (form == BytesForm.TEXT) {
      try {
        CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(element));
        json.quoted(text.toString());
        return;
      } catch (CharacterCodingException e) {
        // No text: as an object below.
      }
    }
    boolean object = form == BytesForm.TEXT;
    json.plain(object ? "{\"b64\":\"" : "\"");
    json.bytes(Base64.getEncoder().encode(element));
    json.plain(object ? "\"}" : "\"");
  }

  /** The bytes from position 0 on, also where they are a part of a message. */
  public static ByteBuffer littleEndian(ByteBuffer raw) {
    return raw.slice().order(ByteOrder.LITTLE_ENDIAN);
  }
}
