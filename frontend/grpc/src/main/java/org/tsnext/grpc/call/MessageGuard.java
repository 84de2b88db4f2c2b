package org.tsnext.grpc.call;

import com.google.protobuf.ByteString;
import java.io.IOException;

/** Looks at a message before objects are made of it. */
@FunctionalInterface
public interface MessageGuard {

  /** Lets every message pass. */
  MessageGuard NONE = bytes -> {};

  /**
   * Looks at the bytes of a message.
   *
   * @throws org.tsnext.core.error.ServingException if it is refused
   * @throws IOException if it is no message
   */
  void check(ByteString bytes) throws IOException;
}
