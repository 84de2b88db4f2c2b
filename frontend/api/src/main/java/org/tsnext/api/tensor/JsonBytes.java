package org.tsnext.api.tensor;

import com.google.gson.JsonPrimitive;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** JSON text as it is written, with a limit on its size. */
public final class JsonBytes {

  private final int limit;
  private byte[] bytes;
  private int size;

  /**
   * @param expected bytes; a guess
   * @param limit in bytes
   */
  public JsonBytes(long expected, int limit) {
    this.limit = limit;
    this.bytes = new byte[(int) Math.min(expected, limit)];
  }

  /** Text that needs no quotes and no escapes, of ASCII characters. */
  public JsonBytes plain(String text) {
    int length = text.length();
    reserve(length);
    for (int i = 0; i < length; i++) {
      bytes[size++] = (byte) text.charAt(i);
    }
    return this;
  }

  public JsonBytes plain(char character) {
    reserve(1);
    bytes[size++] = (byte) character;
    return this;
  }

  /** A string, in quotes. */
  public JsonBytes quoted(String text) {
    return utf8(new JsonPrimitive(text).toString());
  }

  /** Any JSON text. */
  public JsonBytes utf8(String json) {
    return bytes(json.getBytes(StandardCharsets.UTF_8));
  }

  public JsonBytes bytes(byte[] json) {
    reserve(json.length);
    System.arraycopy(json, 0, bytes, size, json.length);
    size += json.length;
    return this;
  }

  /** The whole text; the buffer is the caller's to release. */
  public ByteBuf toBuffer() {
    return Unpooled.wrappedBuffer(bytes, 0, size);
  }

  private void reserve(int more) {
    if (more > limit - size) {
      throw new ServingException(
          ErrorKind.REQUEST_TOO_LARGE,
          "The request is larger than "
              + limit
              + " bytes once its tensors are written as JSON for the handler;"
              + " max_request_size sets the limit.");
    }
    if (more > bytes.length - size) {
      long doubled = Math.max(2L * bytes.length, (long) size + more);
      bytes = Arrays.copyOf(bytes, (int) Math.min(doubled, limit));
    }
  }
}
