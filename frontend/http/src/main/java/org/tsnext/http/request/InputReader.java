package org.tsnext.http.request;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.request.InputPart;

/** Turns a request body into the named inputs of a handler. */
public final class InputReader {

  /** Name of the part that holds a body which is neither a form nor multipart. */
  static final String BODY = "body";

  private InputReader() {}

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
