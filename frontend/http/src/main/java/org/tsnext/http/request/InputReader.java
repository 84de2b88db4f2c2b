package org.tsnext.http.request;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.request.InputPart;

/** Turns a request body into the named inputs of a handler. */
public final class InputReader {

  /** Name of the part that holds a body which is neither a form nor multipart. */
  static final String BODY = "body";

  /** Parts of one request, at most; the worker protocol has the same limit. */
  static final int MAX_PARTS = 1024;

  /** UTF-8 octets of a part's name or content type, at most; the worker protocol's limit too. */
  private static final int MAX_NAME = 65_535;

  /**
   * Names and content types of one request, together. The worker protocol leaves more than this
   * beside {@code max_request_size}; a request that it cannot carry would fail its whole batch.
   */
  private static final int MAX_NAMES = 256 * 1024;

  private InputReader() {}

  /**
   * Refuses inputs that cannot be passed to a worker.
   *
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST naming the limit
   */
  public static void check(List<InputPart> parts) {
    if (parts.size() > MAX_PARTS) {
      throw MalformedRequest.because(
          "The request has " + parts.size() + " inputs, expected at most " + MAX_PARTS + ".");
    }
    int sum = 0;
    for (InputPart part : parts) {
      int name = ByteBufUtil.utf8Bytes(part.name());
      if (name > MAX_NAME) {
        throw MalformedRequest.because(
            "The name of an input has " + name + " octets, expected at most " + MAX_NAME + ".");
      }
      sum += name + ByteBufUtil.utf8Bytes(part.contentType());
    }
    if (sum > MAX_NAMES) {
      throw MalformedRequest.because(
          "The names and content types of the inputs have "
              + sum
              + " octets, expected at most "
              + MAX_NAMES
              + ".");
    }
  }

  /**
   * Reads the parts of a body. The values are slices of it wherever possible.
   *
   * @param contentType header value, or null
   * @param body becomes this method's: it is released, or lives on in the parts, which are the
   *     caller's
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST naming what is malformed
   */
  public static List<InputPart> read(String contentType, ByteBuf body) {
    String type = MediaType.bare(contentType);
    if (type.equals("application/x-www-form-urlencoded")) {
      try {
        return FormParser.parse(body);
      } finally {
        body.release();
      }
    }
    if (type.equals("multipart/form-data")) {
      Optional<String> boundary = MediaType.parameter(contentType, "boundary");
      if (boundary.isPresent() && !boundary.get().isEmpty()) {
        try {
          return new MultipartParser(body, boundary.get()).parse();
        } finally {
          body.release();
        }
      }
    }
    return List.of(new InputPart(BODY, type, body));
  }
}
