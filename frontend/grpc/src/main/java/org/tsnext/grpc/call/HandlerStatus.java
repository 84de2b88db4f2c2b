package org.tsnext.grpc.call;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHeadLimit;

/** The status that a handler sets for its answer. */
public final class HandlerStatus {

  private static final int MAX_TEXT = 1024;

  private HandlerStatus() {}

  /**
   * The error that an answer with a status other than 2xx is: its body is the message. One whose
   * head is too large is an error, too.
   */
  public static Optional<ServingException> failure(ResponseHead head, ByteBuf body) {
    Optional<ServingException> tooLarge = ResponseHeadLimit.GRPC.failure(head);
    if (tooLarge.isPresent()) {
      return tooLarge;
    }
    int status = head.status();
    if (status == 0 || (status >= 200 && status < 300)) {
      return Optional.empty();
    }
    int length = Math.min(body.readableBytes(), MAX_TEXT);
    String text = body.toString(body.readerIndex(), length, StandardCharsets.UTF_8);
    return Optional.of(ServingException.ofHandler(status, text.isEmpty() ? head.reason() : text));
  }
}
