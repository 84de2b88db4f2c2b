package org.tsnext.http.request;

import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Makes the error for input that cannot be read. */
final class MalformedRequest {

  private MalformedRequest() {}

  static ServingException because(String message) {
    return new ServingException(ErrorKind.BAD_REQUEST, message);
  }
}
