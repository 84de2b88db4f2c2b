package org.tsnext.archive.remote;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Percent-decoding of text that {@link ModelUrl} has checked. */
final class PercentDecoding {

  private static final int HEXADECIMAL = 16;

  private PercentDecoding() {}

  static byte[] octets(String text) {
    byte[] octets = new byte[text.length()];
    int length = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '%') {
        octets[length++] = (byte) Integer.parseInt(text.substring(i + 1, i + 3), HEXADECIMAL);
        i += 2;
      } else {
        octets[length++] = (byte) c;
      }
    }
    return Arrays.copyOf(octets, length);
  }

  static String text(String text) {
    return new String(octets(text), StandardCharsets.UTF_8);
  }
}
