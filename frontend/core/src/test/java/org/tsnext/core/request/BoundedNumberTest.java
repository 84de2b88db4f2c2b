package org.tsnext.core.request;

import static org.testng.Assert.assertEquals;

import java.util.OptionalLong;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class BoundedNumberTest {

  private static final String MILLION_DIGITS = "9".repeat(1_000_000);

  @DataProvider
  public Object[][] numbers() {
    return new Object[][] {
      {"0", 0L, 0L},
      {"16", 16L, 16L},
      {"-1", -1L, -1L},
      {"+5", 5L, 5L},
      {"0030", 30L, 30L},
      {"9223372036854775807", Long.MAX_VALUE, Long.MAX_VALUE},
      {"-9223372036854775808", Long.MIN_VALUE, Long.MIN_VALUE},
      {"9223372036854775808", null, null},
      {"16.0", null, 16L},
      {"1.6e1", null, 16L},
      {"1E3", null, 1000L},
      {"1.5", null, null},
      {"0e999999999", null, 0L},
      {"1e999999999", null, null},
      {"1e-999999999", null, null},
      {"1e2147483647", null, null},
      {"1e-2147483648", null, null},
      {"1e99999999999999999999", null, null},
      {"", null, null},
      {" 1", null, null},
      {"x", null, null},
      {"\u0663", null, null},
      {"0x10", null, null},
      {"NaN", null, null},
      {MILLION_DIGITS, null, null},
      {"-" + MILLION_DIGITS, null, null},
      {"0".repeat(1_000_000), null, null},
      {"1." + "0".repeat(1_000_000), null, null},
      {"1e" + MILLION_DIGITS, null, null},
    };
  }

  @Test(dataProvider = "numbers", timeOut = 5000)
  public void numbersAreReadWithinTheirLimits(String text, Long whole, Long exact) {
    assertEquals(BoundedNumber.whole(text), optional(whole));
    assertEquals(BoundedNumber.exact(text), optional(exact));
  }

  private static OptionalLong optional(Long value) {
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
