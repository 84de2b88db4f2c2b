package org.tsnext.transport.tls;

import java.io.IOException;

/** A key or certificate cannot be used; the message tells the operator which file and why. */
public final class TlsKeyException extends IOException {
  private static final long serialVersionUID = 1L;

  TlsKeyException(String message) {
    super(message);
  }

  TlsKeyException(String message, Throwable cause) {
    super(message, cause);
  }
}
