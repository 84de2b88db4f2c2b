package org.tsnext.core.request;

import io.netty.buffer.ByteBufUtil;
import java.util.List;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** What the inputs of one request may be, so that a worker can be given them. */
public final class InputLimits {

  /** Parts of one request, at most; the worker protocol has the same limit. */
  public static final int MAX_PARTS = 1024;

  /** UTF-8 bytes of a part's name or content type, at most; the worker protocol's limit too. */
  private static final int MAX_NAME = 65_535;

  /**
   * Names and content types of one request, together. The worker protocol leaves more than this
   * beside {@code max_request_size}; a request that it cannot carry would fail its whole batch.
   */
  private static final int MAX_NAMES = 256 * 1024;

  private InputLimits() {}

  /**
   * Refuses inputs that cannot be passed to a worker.
   *
   * @throws ServingException BAD_REQUEST naming the limit
   */
  public static void check(List<InputPart> parts) {
    if (parts.size() > MAX_PARTS) {
      throw refused(
          "The request has " + parts.size() + " inputs, expected at most " + MAX_PARTS + ".");
    }
    int sum = 0;
    for (InputPart part : parts) {
      int name = ByteBufUtil.utf8Bytes(part.name());
      if (name > MAX_NAME) {
        throw refused(
            "The name of an input has " + name + " bytes, expected at most " + MAX_NAME + ".");
      }
      sum += name + ByteBufUtil.utf8Bytes(part.contentType());
    }
    if (sum > MAX_NAMES) {
      throw refused(
          "The names and content types of the inputs have "
              + sum
              + " bytes, expected at most "
              + MAX_NAMES
              + ".");
    }
  }

  private static ServingException refused(String why) {
    return new ServingException(ErrorKind.BAD_REQUEST, why);
  }
}
