package org.tsnext.http.request;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tsnext.core.request.InputLimits;
import org.tsnext.core.request.InputPart;

/** {@code application/x-www-form-urlencoded} bodies. */
public final class FormParser {

  private FormParser() {}

  /**
   * Reads the fields in order, each a part without a content type. Does not release {@code body};
   * the parts hold memory of their own.
   *
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST if it is malformed
   */
  static List<InputPart> parse(ByteBuf body) {
    byte[] bytes = ByteBufUtil.getBytes(body);
    List<InputPart> parts = new ArrayList<>();
    int start = 0;
    while (start < bytes.length) {
      int end = indexOf(bytes, '&', start, bytes.length);
      if (end > start) {
        if (parts.size() == InputLimits.MAX_PARTS) {
          throw MalformedRequest.because(
              "More than " + InputLimits.MAX_PARTS + " fields in one form.");
        }
        int nameEnd = indexOf(bytes, '=', start, end);
        parts.add(
            new InputPart(
                decoded(bytes, start, nameEnd).toString(StandardCharsets.UTF_8),
                "",
                decoded(bytes, Math.min(nameEnd + 1, end), end)));
      }
      start = end + 1;
    }
    return parts;
  }

  /** Reads a form as parameters, of which the first value counts. Does not release {@code body}. */
  public static QueryParameters parseParameters(ByteBuf body) {
    return QueryParameters.parse(body.toString(StandardCharsets.UTF_8).trim());
  }

  private static ByteBuf decoded(byte[] bytes, int from, int to) {
    return PercentDecoder.decodeBytes(Arrays.copyOfRange(bytes, from, to), true);
  }

  private static int indexOf(byte[] bytes, char wanted, int from, int to) {
    int i = from;
    while (i < to && bytes[i] != wanted) {
      i++;
    }
    return i;
  }
}
