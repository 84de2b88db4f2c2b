package org.tsnext.http.management;

/** Java's number parsers take the digits of every script; ours take those of HTTP. */
final class Ascii {

  private Ascii() {}

  /**
   * Returns {@code number}.
   *
   * @throws NumberFormatException if it has other characters than ASCII
   */
  static String require(String number) {
    if (number.chars().anyMatch(character -> character > 127)) {
      throw new NumberFormatException("not ASCII");
    }
    return number;
  }
}
