package org.tsnext.core.request;

import java.math.BigDecimal;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The one way to read a number that comes from outside. Java's own readers of long numbers take
 * time that grows with the square of their length, and a short one such as {@code 1e999999999} can
 * fill the memory; here the length and the exponent have limits, and the time is linear.
 */
public final class BoundedNumber {

  /** Characters of a number; the longest of 64 bits with its sign has 20. */
  public static final int MAX_LENGTH = 64;

  /** Digits before and behind the point. */
  private static final int MAX_SCALE = 64;

  private BoundedNumber() {}

  /**
   * A whole number of decimal digits, which a sign may precede.
   *
   * @return empty if it is none, or not one of 64 bits
   */
  public static OptionalLong whole(String text) {
    if (text.length() > MAX_LENGTH || !isAscii(text)) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(Long.parseLong(text));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  /**
   * A number with or without fraction and exponent, as JSON writes them: {@code 16}, {@code 16.0}
   * and {@code 1.6e1} are one number.
   *
   * @return empty if it is none, or too long, or has too large an exponent
   */
  public static Optional<BigDecimal> decimal(String text) {
    if (text.length() > MAX_LENGTH || !isAscii(text)) {
      return Optional.empty();
    }
    try {
      BigDecimal number = new BigDecimal(text);
      if (number.signum() == 0) {
        return Optional.of(BigDecimal.ZERO);
      }
      return Math.abs((long) number.scale()) > MAX_SCALE ? Optional.empty() : Optional.of(number);
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  /**
   * The {@link #decimal} that is a whole number of 64 bits.
   *
   * @return empty if it is none
   */
  public static OptionalLong exact(String text) {
    Optional<BigDecimal> number = decimal(text);
    if (number.isEmpty()) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(number.get().longValueExact());
    } catch (ArithmeticException e) {
      return OptionalLong.empty();
    }
  }

  /** Java's readers take the digits of every script. */
  private static boolean isAscii(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) > 127) {
        return false;
      }
    }
    return true;
  }
}
