package org.tsnext.api.tensor;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The datatypes of tensors, by the names that requests have for them. */
public enum Datatype {
  BOOL(1),
  INT8(1),
  INT16(2),
  INT32(4),
  INT64(8),
  UINT8(1),
  UINT16(2),
  UINT32(4),
  UINT64(8),
  FP16(2),
  BF16(2),
  FP32(4),
  FP64(8),
  /** Any bytes; in raw contents each element has its length, in 4 bytes, in front. */
  BYTES(0);

  private static final Map<String, Datatype> BY_NAME =
      Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(Datatype::name, type -> type));

  private final int bytes;

  Datatype(int bytes) {
    this.bytes = bytes;
  }

  /** Of one element in raw contents, 0 if they differ. */
  public int bytes() {
    return bytes;
  }

  /** Whether typed contents have no field for it. */
  public boolean onlyRaw() {
    return this == FP16 || this == BF16;
  }

  /** The datatype of that name, if there is one. */
  public static Optional<Datatype> of(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  /** All names, for error messages. */
  public static String names() {
    return Arrays.stream(values()).map(Datatype::name).collect(Collectors.joining(", "));
  }
}
