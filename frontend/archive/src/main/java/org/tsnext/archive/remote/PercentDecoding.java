package org.tsnext.archive.remote;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Percent-decoding of text that {@link ModelUrl} has checked. */
final class PercentDecoding {

  private static final int HEXADECIMAL = 16;

  private PercentDecoding() {}

  static byte[] bytes(String text) {
    byte[] bytes = new byte[text.length()];
    int length = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '%') {
        bytes[length++] = (byte) Integer.parseInt(text.substring(i + 1, i + 3), HEXADECIMAL);
        i += 2;
      } else {
        bytes[length++] = (byte) c;
      }
    }
    return Arrays.copyOf(bytes, length);
  }

  static String text(String text) {
    return new String(bytes(text), StandardCharsets.UTF_8);
  }
}
