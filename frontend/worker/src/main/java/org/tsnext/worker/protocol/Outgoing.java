package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.List;

/** Something that waits to be written to a worker. Ends with one call of either method. */
public interface Outgoing {

  /**
   * Appends frames to {@code out}, whose buffers are then the caller's to release.
   *
   * @throws ProtocolException if it does not fit the protocol; {@code out} is as before
   */
  void encode(FrameEncoder encoder, List<ByteBuf> out) throws ProtocolException;

  /** Drops it unwritten. */
  default void release() {}

  /** CANCEL of an item, or of the whole batch for -1. */
  record Cancel(int batch, int item) implements Outgoing {
    @Override
    public void encode(FrameEncoder encoder, List<ByteBuf> out) throws ProtocolException {
      encoder.encodeEmpty(FrameType.CANCEL, item, batch, out);
    }
  }

  record Ping(int token) implements Outgoing {
    @Override
    public void encode(FrameEncoder encoder, List<ByteBuf> out) throws ProtocolException {
      encoder.encodeEmpty(FrameType.PING, 0, token, out);
    }
  }

  /** A message whose body is JSON. */
  record Json(FrameType type, int id, String body) implements Outgoing {
    @Override
    public void encode(FrameEncoder encoder, List<ByteBuf> out) throws ProtocolException {
      OutgoingBody content = encoder.body(type, body.length()).utf8(body);
      encoder.encode(type, 0, 0, id, content, out);
    }

    /** Bytes of the body. */
    public int size() {
      return ByteBufUtil.utf8Bytes(body);
    }

    /** Bodies hold secrets and environments. */
    @Override
    public String toString() {
      return type.toString();
    }
  }
}
