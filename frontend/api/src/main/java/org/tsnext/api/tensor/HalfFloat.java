package org.tsnext.api.tensor;

/** Floating point numbers of 16 bits, as their bits. Java 17 has no type for them. */
final class HalfFloat {

  private static final int FP32_EXPONENT_BIAS = 127;
  private static final int FP16_EXPONENT_BIAS = 15;

  /** Bits of the fraction that an FP32 has more. */
  private static final int SHIFT = 13;

  private static final int FP16_INFINITY = 0x7c00;

  private HalfFloat() {}

  /** Exactly the value of an IEEE 754 binary16. */
  static float ofFp16(short bits) {
    int exponent = (bits & FP16_INFINITY) >> 10;
    int fraction = bits & 0x3ff;
    int sign = (bits & 0x8000) << 16;
    if (exponent == 0) {
      // Zero, or a subnormal: a multiple of 2^-24.
      float magnitude = fraction * 0x1p-24f;
      return sign == 0 ? magnitude : -magnitude;
    }
    int widened = exponent == 0x1f ? 0xff : exponent - FP16_EXPONENT_BIAS + FP32_EXPONENT_BIAS;
    return Float.intBitsToFloat(sign | (widened << 23) | (fraction << SHIFT));
  }

  /** The nearest IEEE 754 binary16; of two, the even one. Too large is infinite. */
  static short toFp16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7e00);
    }
    int exponent = (magnitude >>> 23) - FP32_EXPONENT_BIAS + FP16_EXPONENT_BIAS;
    if (exponent >= 0x1f) {
      return (short) (sign | FP16_INFINITY);
    }
    if (exponent <= 0) {
      // The product is exact, and rint rounds half to even.
      return (short) (sign | (int) Math.rint(Math.abs((double) value) * 0x1p24));
    }
    int rounded = roundToEven(magnitude - ((FP32_EXPONENT_BIAS - FP16_EXPONENT_BIAS) << 23), SHIFT);
    return (short) (sign | Math.min(rounded, FP16_INFINITY));
  }

  /** Exactly the value of a bfloat16. */
  static float ofBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The nearest bfloat16; of two, the even one. */
  static short toBf16(float value) {
    if (Float.isNaN(value)) {
      return 0x7fc0;
    }
    int bits = Float.floatToRawIntBits(value);
    return (short) (((bits >>> 16) & 0x8000) | roundToEven(bits & 0x7fffffff, 16));
  }

  /** Drops the lowest bits. A carry goes on into the exponent, as it should. */
  private static int roundToEven(int magnitude, int bits) {
    int half = (1 << (bits - 1)) - 1 + ((magnitude >>> bits) & 1);
    return (magnitude + half) >>> bits;
  }
}
