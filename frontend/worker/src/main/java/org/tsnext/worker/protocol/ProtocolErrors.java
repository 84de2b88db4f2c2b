package org.tsnext.worker.protocol;

import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.TooLongFrameException;

/** Words for what a pipeline reports as an exception. */
public final class ProtocolErrors {

  private ProtocolErrors() {}

  /** The reason for the log, without the frames of Netty around it. */
  public static String describe(Throwable cause) {
    if (cause instanceof TooLongFrameException) {
      return "frame over the limit of " + FrameLimits.DEFAULT_FRAME + " bytes";
    }
    if (cause instanceof DecoderException && cause.getCause() != null) {
      return describe(cause.getCause());
    }
    return cause instanceof ProtocolException ? cause.getMessage() : cause.toString();
  }
}
