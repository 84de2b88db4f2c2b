package org.tsnext.grpc.call;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Says why a message cannot be read. Left to gRPC, what a marshaller throws would reach the client
 * as UNKNOWN.
 */
public final class UnreadableMessage {

  private UnreadableMessage() {}

  /** The error of a message that, when it was unpacked, showed what it is. */
  public static ServingException of(StatusRuntimeException thrown) {
    Status status = thrown.getStatus();
    return new ServingException(
        status.getCode() == Status.Code.RESOURCE_EXHAUSTED
            ? ErrorKind.REQUEST_TOO_LARGE
            : ErrorKind.BAD_REQUEST,
        status.getDescription());
  }

  /**
   * The error of what is no message, or cannot be unpacked.
   *
   * @param name of the message that was expected
   */
  public static ServingException of(IOException thrown, String name) {
    return new ServingException(
        ErrorKind.BAD_REQUEST, "The request is not a " + name + ": " + thrown.getMessage());
  }
}
