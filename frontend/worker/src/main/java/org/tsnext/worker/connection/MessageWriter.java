package org.tsnext.worker.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.worker.protocol.FrameEncoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.ProtocolException;

/**
 * Gives messages to a channel, each whole or not at all. All memory that a message takes is
 * allocated before its first frame is given away. Used by the channel's event loop.
 */
final class MessageWriter {

  private final Channel channel;
  private final FrameEncoder encoder;
  private final List<ByteBuf> frames = new ArrayList<>();
  private boolean writing;

  /** Why a frame was not taken, or null. */
  private Throwable refusal;

  MessageWriter(Channel channel, FrameLimits limits) {
    this.channel = channel;
    this.encoder = new FrameEncoder(limits, channel.alloc());
  }

  /**
   * Gives a message to the channel, without a flush. If it throws anything, the channel has nothing
   * of the message, which is released, and can take the next one.
   *
   * @return why the channel did not take all of it, or null if it did: then a part of the message
   *     may be on its way, and the channel must be closed without a flush
   * @throws ProtocolException if the message does not fit the protocol
   */
  @SuppressWarnings("FutureReturnValueIgnored")
  Throwable write(Outgoing message) throws ProtocolException {
    int given = 0;
    refusal = null;
    try {
      encoder.encode(message, frames);
      makeDirect();
      writing = true;
      while (given < frames.size() && refusal == null) {
        // Whatever becomes of a frame, the channel releases it.
        channel.write(frames.get(given++), channel.voidPromise());
      }
    } catch (RuntimeException | Error e) {
      if (given == 0) {
        throw e;
      }
      refusal = e;
    } finally {
      writing = false;
      for (int i = given; i < frames.size(); i++) {
        frames.get(i).release();
      }
      frames.clear();
    }
    return refusal;
  }

  /**
   * Takes what the channel reports as an exception, if it is about a frame that is being written.
   */
  boolean refused(Throwable cause) {
    if (writing && refusal == null) {
      refusal = cause;
    }
    return writing;
  }

  /** Whether a refusal says that the channel sends nothing any more, not even a part. */
  static boolean isEnd(Throwable refusal) {
    return refusal instanceof ClosedChannelException;
  }

  /** The channel would copy what is on the heap, one frame after the other. */
  private void makeDirect() {
    for (int i = 0; i < frames.size(); i++) {
      ByteBuf frame = frames.get(i);
      if (!frame.isDirect()) {
        frames.set(i, directCopy(frame));
        frame.release();
      }
    }
  }

  private ByteBuf directCopy(ByteBuf frame) {
    int size = frame.readableBytes();
    // Of exactly that size, so it does not grow.
    return channel.alloc().directBuffer(size, size).writeBytes(frame, frame.readerIndex(), size);
  }
}
