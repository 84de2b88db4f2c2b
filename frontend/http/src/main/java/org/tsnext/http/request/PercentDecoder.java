package org.tsnext.http.request;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;

/** Percent-decoding of paths, queries and form fields. */
final class PercentDecoder {

  private PercentDecoder() {}

  /**
   * Decodes to text, taking the bytes as UTF-8.
   *
   * @param plusIsSpace whether {@code +} means a blank, as in queries and forms
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST for an incomplete or wrong escape
   */
  static String decode(String text, boolean plusIsSpace) {
    if (text.indexOf('%') < 0 && (!plusIsSpace || text.indexOf('+') < 0)) {
      return text;
    }
    return decodeBytes(text.getBytes(StandardCharsets.UTF_8), plusIsSpace)
        .toString(StandardCharsets.UTF_8);
  }

  /** Decodes bytes in place; the result shares {@code bytes}. */
  static ByteBuf decodeBytes(byte[] bytes, boolean plusIsSpace) {
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      byte current = bytes[i];
      if (current == '%') {
        bytes[length++] = (byte) (hex(bytes, i + 1) << 4 | hex(bytes, i + 2));
        i += 2;
      } else {
        bytes[length++] = current == '+' && plusIsSpace ? (byte) ' ' : current;
      }
    }
    return Unpooled.wrappedBuffer(bytes, 0, length);
  }

  private static int hex(byte[] bytes, int index) {
    int digit = index < bytes.length ? Character.digit(bytes[index], 16) : -1;
    if (digit < 0) {
      throw MalformedRequest.because(
          "Malformed percent-encoding: '%' must be followed by two hexadecimal digits.");
    }
    return digit;
  }
}
