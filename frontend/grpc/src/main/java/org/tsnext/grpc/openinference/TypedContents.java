package org.tsnext.grpc.openinference;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tsnext.api.tensor.Datatype;
import org.tsnext.api.tensor.RawContents;
import org.tsnext.api.tensor.TensorException;
import org.tsnext.grpc.messages.openinference.InferTensorContents;

/** Contents with a field per kind of datatype, to raw contents and back. */
final class TypedContents {

  private static final Map<Datatype, int[]> LIMITS =
      Map.of(
          Datatype.INT8, new int[] {Byte.MIN_VALUE, Byte.MAX_VALUE},
          Datatype.INT16, new int[] {Short.MIN_VALUE, Short.MAX_VALUE},
          Datatype.UINT8, new int[] {0, 0xff},
          Datatype.UINT16, new int[] {0, 0xffff});

  private TypedContents() {}

  /** Elements in the field of the datatype. */
  static int count(Datatype type, InferTensorContents contents) {
    return switch (type) {
      case BOOL -> contents.getBoolContentsCount();
      case INT8, INT16, INT32 -> contents.getIntContentsCount();
      case INT64 -> contents.getInt64ContentsCount();
      case UINT8, UINT16, UINT32 -> contents.getUintContentsCount();
      case UINT64 -> contents.getUint64ContentsCount();
      case FP32 -> contents.getFp32ContentsCount();
      case FP64 -> contents.getFp64ContentsCount();
      case BYTES -> contents.getBytesContentsCount();
      case FP16, BF16 -> 0;
    };
  }

  /** The name of that field. */
  static String field(Datatype type) {
    return switch (type) {
      case BOOL -> "bool_contents";
      case INT8, INT16, INT32 -> "int_contents";
      case INT64 -> "int64_contents";
      case UINT8, UINT16, UINT32 -> "uint_contents";
      case UINT64 -> "uint64_contents";
      case FP32 -> "fp32_contents";
      case FP64 -> "fp64_contents";
      case BYTES -> "bytes_contents";
      case FP16, BF16 -> "raw_input_contents";
    };
  }

  /** Elements in all fields. */
  static int count(InferTensorContents contents) {
    return contents.getBoolContentsCount()
        + contents.getIntContentsCount()
        + contents.getInt64ContentsCount()
        + contents.getUintContentsCount()
        + contents.getUint64ContentsCount()
        + contents.getFp32ContentsCount()
        + contents.getFp64ContentsCount()
        + contents.getBytesContentsCount();
  }

  /**
   * The elements in raw form.
   *
   * @throws TensorException if an element does not fit the datatype
   */
  static ByteBuffer toRaw(Datatype type, InferTensorContents contents) throws TensorException {
    int count = count(type, contents);
    ByteBuffer raw = littleEndian(type == Datatype.BYTES ? bytes(contents) : count * type.bytes());
    for (int i = 0; i < count; i++) {
      switch (type) {
        case BOOL -> raw.put((byte) (contents.getBoolContents(i) ? 1 : 0));
        case INT8 -> raw.put((byte) limited(type, contents.getIntContents(i)));
        case INT16 -> raw.putShort((short) limited(type, contents.getIntContents(i)));
        case INT32 -> raw.putInt(contents.getIntContents(i));
        case INT64 -> raw.putLong(contents.getInt64Contents(i));
        case UINT8 -> raw.put((byte) limited(type, contents.getUintContents(i)));
        case UINT16 -> raw.putShort((short) limited(type, contents.getUintContents(i)));
        case UINT32 -> raw.putInt(contents.getUintContents(i));
        case UINT64 -> raw.putLong(contents.getUint64Contents(i));
        case FP32 -> raw.putFloat(contents.getFp32Contents(i));
        case FP64 -> raw.putDouble(contents.getFp64Contents(i));
        case BYTES -> {
          ByteString element = contents.getBytesContents(i);
          raw.putInt(element.size());
          element.copyTo(raw);
        }
        case FP16, BF16 -> throw new IllegalStateException(type + " has no typed contents");
      }
    }
    return raw.flip();
  }

  private static int bytes(InferTensorContents contents) {
    return contents.getBytesContentsList().stream()
        .mapToInt(element -> Integer.BYTES + element.size())
        .reduce(0, Math::addExact);
  }

  private static int limited(Datatype type, int value) throws TensorException {
    int[] limits = LIMITS.get(type);
    if (value < limits[0] || value > limits[1]) {
      // An unsigned value beyond 2^31 - 1 is negative here.
      String shown = limits[0] == 0 ? Integer.toUnsignedString(value) : Integer.toString(value);
      throw new TensorException(
          "has the element "
              + shown
              + ", expected "
              + limits[0]
              + " to "
              + limits[1]
              + " for "
              + type);
    }
    return value;
  }

  /**
   * The elements in the field of their datatype, which has one.
   *
   * @param raw as it is made here
   */
  static InferTensorContents ofRaw(Datatype type, ByteBuffer raw) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    ByteBuffer elements = RawContents.littleEndian(raw);
    List<ByteString> bytes = new ArrayList<>();
    while (elements.hasRemaining()) {
      switch (type) {
        case BOOL -> contents.addBoolContents(elements.get() != 0);
        case INT8 -> contents.addIntContents(elements.get());
        case INT16 -> contents.addIntContents(elements.getShort());
        case INT32 -> contents.addIntContents(elements.getInt());
        case INT64 -> contents.addInt64Contents(elements.getLong());
        case UINT8 -> contents.addUintContents(Byte.toUnsignedInt(elements.get()));
        case UINT16 -> contents.addUintContents(Short.toUnsignedInt(elements.getShort()));
        case UINT32 -> contents.addUintContents(elements.getInt());
        case UINT64 -> contents.addUint64Contents(elements.getLong());
        case FP32 -> contents.addFp32Contents(elements.getFloat());
        case FP64 -> contents.addFp64Contents(elements.getDouble());
        case BYTES -> {
          int length = elements.getInt();
          bytes.add(ByteString.copyFrom(elements, length));
        }
        case FP16, BF16 -> throw new IllegalStateException(type + " has no typed contents");
      }
    }
    return contents.addAllBytesContents(bytes).build();
  }

  private static ByteBuffer littleEndian(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
