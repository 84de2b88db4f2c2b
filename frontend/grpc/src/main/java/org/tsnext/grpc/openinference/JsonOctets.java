package org.tsnext.grpc.openinference;

import com.google.gson.JsonPrimitive;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** JSON text as it is written, with a limit on its size. */
final class JsonOctets {

  private final int limit;
  private byte[] octets;
  private int size;

  /**
   * @param expected octets; a guess
   * @param limit in octets
   */
  JsonOctets(long expected, int limit) {
    this.limit = limit;
    this.octets = new byte[(int) Math.min(expected, limit)];
  }

  /** Text that needs no quotes and no escapes, of ASCII characters. */
  JsonOctets plain(String text) {
    int length = text.length();
    reserve(length);
    for (int i = 0; i < length; i++) {
      octets[size++] = (byte) text.charAt(i);
    }
    return this;
  }

  JsonOctets plain(char character) {
    reserve(1);
    octets[size++] = (byte) character;
    return this;
  }

  /** A string, in quotes. */
  JsonOctets quoted(String text) {
    return utf8(new JsonPrimitive(text).toString());
  }

  /** Any JSON text. */
  JsonOctets utf8(String json) {
    return octets(json.getBytes(StandardCharsets.UTF_8));
  }

  JsonOctets octets(byte[] json) {
    reserve(json.length);
    System.arraycopy(json, 0, octets, size, json.length);
    size += json.length;
    return this;
  }

  /** The whole text; the buffer is the caller's to release. */
  ByteBuf toBuffer() {
    return Unpooled.wrappedBuffer(octets, 0, size);
  }

  private void reserve(int more) {
    if (more > limit - size) {
      throw new ServingException(
          ErrorKind.REQUEST_TOO_LARGE,
          "The request is larger than "
              + limit
              + " octets once its tensors are written as JSON for the handler;"
              + " max_request_size sets the limit.");
    }
    if (more > octets.length - size) {
      long doubled = Math.max(2L * octets.length, (long) size + more);
      octets = Arrays.copyOf(octets, (int) Math.min(doubled, limit));
    }
  }
}
