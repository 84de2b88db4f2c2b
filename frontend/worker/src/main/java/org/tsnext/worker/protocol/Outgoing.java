package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.List;

/**
 * Something that waits to be written to a worker. Ends with {@link FrameEncoder#encode}, or with
 * {@link #release} unwritten.
 */
public interface Outgoing {

  /**
   * For {@link FrameEncoder#encode}, which takes away what a failure leaves in {@code out}.
   *
   * @throws ProtocolException if it does not fit the protocol
   */
  void appendTo(List<ByteBuf> out, FrameEncoder encoder) throws ProtocolException;

  /** Gives up what it holds. Does nothing the second time. */
  default void release() {}

  /** CANCEL of an item, or of the whole batch for -1. */
  record Cancel(int batch, int item) implements Outgoing {
    @Override
    public void appendTo(List<ByteBuf> out, FrameEncoder encoder) throws ProtocolException {
      encoder.appendEmpty(FrameType.CANCEL, item, batch, out);
    }
  }

  /** WITHDRAW of a batch, for the control connection. */
  record Withdraw(int batch) implements Outgoing {
    @Override
    public void appendTo(List<ByteBuf> out, FrameEncoder encoder) throws ProtocolException {
      encoder.appendEmpty(FrameType.WITHDRAW, -1, batch, out);
    }
  }

  record Ping(int token) implements Outgoing {
    @Override
    public void appendTo(List<ByteBuf> out, FrameEncoder encoder) throws ProtocolException {
      encoder.appendEmpty(FrameType.PING, 0, token, out);
    }
  }

  /** A message whose body is JSON. */
  record Json(FrameType type, int id, String body) implements Outgoing {
    @Override
    public void appendTo(List<ByteBuf> out, FrameEncoder encoder) throws ProtocolException {
      try (OutgoingBody content = encoder.body(type, body.length())) {
        encoder.append(type, 0, 0, id, content.utf8(body), out);
      }
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
