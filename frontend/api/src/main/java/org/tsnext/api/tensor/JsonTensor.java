package org.tsnext.api.tensor;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.tsnext.core.request.BoundedNumber;

/** Reads the {@code data} of a tensor, a JSON array that may be nested, into raw contents. */
final class JsonTensor {

  private static final int FIRST_ROOM = 256;

  /** The only member of an object that stands for bytes which are no text. */
  private static final String BASE64 = "b64";

  private final Datatype type;
  private ByteBuffer raw = littleEndian(FIRST_ROOM);
  private long count;

  JsonTensor(Datatype type) {
    this.type = type;
  }

  /** Elements read. */
  long count() {
    return count;
  }

  /** The elements read so far. */
  ByteBuffer raw() {
    return raw.asReadOnlyBuffer().flip();
  }

  /**
   * Reads the array that is next.
   *
   * @throws TensorException if an element does not fit the datatype
   * @throws IOException if it is no JSON
   */
  void read(JsonReader json) throws IOException, TensorException {
    if (json.peek() != JsonToken.BEGIN_ARRAY) {
      throw new TensorException("has data that are " + named(json.peek()) + ", expected an array");
    }
    int depth = 0;
    do {
      switch (json.peek()) {
        case BEGIN_ARRAY -> {
          json.beginArray();
          depth++;
        }
        case END_ARRAY -> {
          json.endArray();
          depth--;
        }
        default -> {
          readElement(json);
          count++;
        }
      }
    } while (depth > 0);
  }

  private void readElement(JsonReader json) throws IOException, TensorException {
    switch (type) {
      case BOOL -> put(readBoolean(json) ? 1 : 0, 1);
      case INT8, INT16, INT32, INT64 ->
          put(readInteger(json, 8 * type.bytes() - 1, true), type.bytes());
      case UINT8, UINT16, UINT32, UINT64 ->
          put(readInteger(json, 8 * type.bytes(), false), type.bytes());
      case FP16 -> put(HalfFloat.toFp16((float) readFloat(json)), 2);
      case BF16 -> put(HalfFloat.toBf16((float) readFloat(json)), 2);
      case FP32 -> put(Float.floatToRawIntBits((float) readFloat(json)), 4);
      case FP64 -> put(Double.doubleToRawLongBits(readFloat(json)), 8);
      case BYTES -> {
        byte[] bytes = readBytes(json);
        put(bytes.length, Integer.BYTES);
        reserve(bytes.length);
        raw.put(bytes);
      }
    }
  }

  private void put(long bits, int bytes) {
    reserve(Long.BYTES);
    int end = raw.position() + bytes;
    raw.putLong(bits).position(end);
  }

  private void reserve(int more) {
    if (raw.remaining() < more) {
      int size = Math.addExact(raw.position(), more);
      long doubled = Math.min(Integer.MAX_VALUE - Long.BYTES, 2L * raw.capacity());
      raw = littleEndian(Math.max(size, (int) doubled)).put(raw.flip());
    }
  }

  private static ByteBuffer littleEndian(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private boolean readBoolean(JsonReader json) throws IOException, TensorException {
    if (json.peek() == JsonToken.BOOLEAN) {
      return json.nextBoolean();
    }
    if (json.peek() == JsonToken.NUMBER) {
      return readInteger(json, 1, false) != 0;
    }
    throw unexpected(json);
  }

  /**
   * @param bits of the magnitude
   */
  private long readInteger(JsonReader json, int bits, boolean signed)
      throws IOException, TensorException {
    if (json.peek() != JsonToken.NUMBER) {
      throw unexpected(json);
    }
    String text = json.nextString();
    try {
      long value = Long.parseLong(text);
      if (bits >= Long.SIZE - 1 ? signed || value >= 0 : isWithin(value, bits, signed)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Written as a broken number, or beyond 63 bits.
      return readLargeInteger(text, bits, signed);
    }
    throw doesNotFit(text);
  }

  private static boolean isWithin(long value, int bits, boolean signed) {
    return value < 1L << bits && value >= (signed ? -(1L << bits) : 0);
  }

  private long readLargeInteger(String text, int bits, boolean signed) throws TensorException {
    Optional<BigDecimal> number = BoundedNumber.decimal(text);
    if (number.isEmpty()) {
      throw doesNotFit(text);
    }
    try {
      BigInteger value = number.get().toBigIntegerExact();
      // The bits of a negative value are those of its complement.
      if (value.bitLength() <= bits && (signed || value.signum() >= 0)) {
        return value.longValue();
      }
    } catch (ArithmeticException e) {
      // It has a fraction.
    }
    throw doesNotFit(text);
  }

  /** NaN and infinities are words for the reader; Python writes them so. */
  private double readFloat(JsonReader json) throws IOException, TensorException {
    JsonToken token = json.peek();
    if (token != JsonToken.NUMBER && token != JsonToken.STRING) {
      throw unexpected(json);
    }
    String text = json.nextString();
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw doesNotFit(text);
    }
  }

  /** A text in UTF-8, what {@code {"b64": "..."}} stands for, or the JSON of what is neither. */
  private byte[] readBytes(JsonReader json) throws IOException, TensorException {
    if (json.peek() == JsonToken.STRING) {
      return json.nextString().getBytes(StandardCharsets.UTF_8);
    }
    JsonElement element = JsonParser.parseReader(json);
    if (element instanceof JsonObject object
        && object.size() == 1
        && object.get(BASE64) instanceof JsonPrimitive encoded) {
      String text = encoded.getAsString();
      try {
        return Base64.getDecoder().decode(text);
      } catch (IllegalArgumentException e) {
        throw doesNotFit(text);
      }
    }
    return element.toString().getBytes(StandardCharsets.UTF_8);
  }

  private TensorException unexpected(JsonReader json) throws IOException {
    return new TensorException("has " + named(json.peek()) + " in its data, expected " + type);
  }

  private TensorException doesNotFit(String text) {
    String shown = text.length() > 40 ? text.substring(0, 40) + "..." : text;
    return new TensorException("has the element " + shown + ", expected " + type);
  }

  private static String named(JsonToken token) {
    return switch (token) {
      case BEGIN_ARRAY, END_ARRAY -> "an array";
      case BEGIN_OBJECT, END_OBJECT, NAME -> "an object";
      case STRING -> "a text";
      case NUMBER -> "a number";
      case BOOLEAN -> "true or false";
      case NULL -> "null";
      case END_DOCUMENT -> "nothing";
    };
  }
}
