package org.tsnext.core.request;

import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * How much a handler may say besides the body of its answer: names and values of headers and the
 * reason phrase together, with 32 bytes for each header, as HTTP/2 counts.
 *
 * @param bytes at most
 */
public record ResponseHeadLimit(int bytes) {

  /** Over HTTP: as much as the server itself takes of a request. */
  public static final ResponseHeadLimit HTTP = new ResponseHeadLimit(16 * 1024);

  /** Over gRPC: what clients take without being told to take more. */
  public static final ResponseHeadLimit GRPC = new ResponseHeadLimit(8 * 1024);

  private static final int PER_HEADER = 32;

  /** The error of an answer whose head is too large: INTERNAL. Empty for all others. */
  public Optional<ServingException> failure(ResponseHead head) {
    long size = head.reason().length();
    for (Header header : head.headers()) {
      size += PER_HEADER + header.name().length() + header.value().length();
    }
    return size <= bytes
        ? Optional.empty()
        : Optional.of(
            new ServingException(
                ErrorKind.INTERNAL,
                "The handler set too many or too large headers: "
                    + size
                    + " bytes in "
                    + head.headers().size()
                    + " headers, expected at most "
                    + bytes
                    + " (32 for each, its name and its value)."));
  }
}
