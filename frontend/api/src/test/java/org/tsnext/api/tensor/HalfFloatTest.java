package org.tsnext.api.tensor;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import org.testng.annotations.Test;

/** Numbers of 16 bits. */
public final class HalfFloatTest {

  @Test
  public void everyNumberOf16BitsComesBack() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float fp16 = HalfFloat.ofFp16((short) bits);
      float bf16 = HalfFloat.ofBf16((short) bits);
      if (Float.isNaN(fp16)) {
        assertTrue(Float.isNaN(HalfFloat.ofFp16(HalfFloat.toFp16(fp16))));
      } else {
        assertEquals(HalfFloat.toFp16(fp16), (short) bits);
      }
      if (Float.isNaN(bf16)) {
        assertTrue(Float.isNaN(HalfFloat.ofBf16(HalfFloat.toBf16(bf16))));
      } else {
        assertEquals(HalfFloat.toBf16(bf16), (short) bits);
      }
    }
  }

  @Test
  public void knownNumbersAreWhatTheStandardSays() {
    assertEquals(HalfFloat.ofFp16((short) 0x3c00), 1.0f);
    assertEquals(HalfFloat.ofFp16((short) 0xc000), -2.0f);
    assertEquals(HalfFloat.ofFp16((short) 0x7bff), 65504.0f);
    assertEquals(HalfFloat.ofFp16((short) 0x0400), 0x1p-14f);
    assertEquals(HalfFloat.ofFp16((short) 0x0001), 0x1p-24f);
    assertEquals(HalfFloat.ofFp16((short) 0x7c00), Float.POSITIVE_INFINITY);
    assertEquals(Float.floatToRawIntBits(HalfFloat.ofFp16((short) 0x8000)), 0x80000000);
    assertEquals(HalfFloat.ofBf16((short) 0x3f80), 1.0f);
  }

  @Test
  public void halfwayGoesToTheEvenNeighbour() {
    for (int bits = 0; bits < 0x7bff; bits++) {
      float low = HalfFloat.ofFp16((short) bits);
      float high = HalfFloat.ofFp16((short) (bits + 1));
      float middle = (low + high) / 2;
      short even = (short) ((bits & 1) == 0 ? bits : bits + 1);
      assertEquals(HalfFloat.toFp16(middle), even);
      assertEquals(HalfFloat.toFp16(-middle), (short) (even | 0x8000));
      assertEquals(HalfFloat.toFp16(Math.nextDown(middle)), (short) bits);
      assertEquals(HalfFloat.toFp16(Math.nextUp(middle)), (short) (bits + 1));
    }
    assertEquals(HalfFloat.toBf16(Float.intBitsToFloat(0x3f808000)), (short) 0x3f80);
    assertEquals(HalfFloat.toBf16(Float.intBitsToFloat(0x3f818000)), (short) 0x3f82);
    assertEquals(HalfFloat.toBf16(Float.intBitsToFloat(0x3f808001)), (short) 0x3f81);
  }

  @Test
  public void tooLargeIsInfinite() {
    assertEquals(HalfFloat.toFp16(65519.996f), (short) 0x7bff);
    assertEquals(HalfFloat.toFp16(65520.0f), (short) 0x7c00);
    assertEquals(HalfFloat.toFp16(-1e30f), (short) 0xfc00);
    assertEquals(HalfFloat.toBf16(Float.MAX_VALUE), (short) 0x7f80);
  }
}
