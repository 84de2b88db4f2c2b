package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import java.util.Optional;
import org.tsnext.worker.protocol.FrameType.Flags;

/**
 * Puts the frames of one direction of one connection together to messages, and checks them. Used by
 * one thread at a time.
 */
public final class MessageAssembler implements AutoCloseable {

  private final FrameType.Sender sender;
  private final FrameLimits limits;
  private final ByteBufAllocator allocator;
  private Partial partial;

  /** A message of which some frames are still to come. */
  private static final class Partial {
    final FrameType type;
    final int item;
    final int id;
    final long total;
    final CompositeByteBuf body;
    long frames = 1;

    Partial(FrameType type, int item, int id, long total, CompositeByteBuf body) {
      this.type = type;
      this.item = item;
      this.id = id;
      this.total = total;
      this.body = body;
    }

    /** Shares a frame, which stays the caller's: what fails in there releases that share. */
    void append(ByteBuf frame) {
      body.addComponent(true, frame.retain());
    }
  }

  /**
   * @param sender whose frames these are; others are refused
   */
  public MessageAssembler(FrameType.Sender sender, FrameLimits limits, ByteBufAllocator allocator) {
    this.sender = sender;
    this.limits = limits;
    this.allocator = allocator;
  }

  /**
   * Takes the next frame, which becomes this object's to release.
   *
   * @param frame what the length field counts: type, flags, item, id, body
   * @return the message that this frame completes, if it does; its body is the caller's to release
   */
  @SuppressWarnings("ReferenceEquality") // the very buffer, not one of equal content
  public Optional<Message> add(ByteBuf frame) throws ProtocolException {
    boolean accepted = false;
    boolean given = false;
    try {
      Optional<Message> message = check(frame);
      accepted = true;
      given = message.isPresent() && message.get().body() == frame;
      return message;
    } finally {
      if (!given) {
        frame.release();
      }
      if (!accepted) {
        close();
      }
    }
  }

  /** Drops what is incomplete. */
  @Override
  public void close() {
    if (partial != null) {
      partial.body.release();
      partial = null;
    }
  }

  private Optional<Message> check(ByteBuf frame) throws ProtocolException {
    if (frame.readableBytes() < FrameLimits.COUNTED_HEADER) {
      throw new ProtocolException(
          "length " + frame.readableBytes() + ", expected at least " + FrameLimits.COUNTED_HEADER);
    }
    FrameType type = typeOf(frame.readUnsignedByte());
    int flags = frame.readUnsignedByte();
    int item = frame.readUnsignedShort();
    int id = frame.readInt();
    if ((flags & ~type.allowedFlags()) != 0) {
      throw new ProtocolException("flags " + flags + " do not belong to " + type);
    }
    if ((flags & Flags.CONTINUED) != 0) {
      return continueMessage(type, flags, item, id, frame);
    }
    if (partial != null) {
      throw new ProtocolException(type + " within an unfinished " + partial.type);
    }
    if ((flags & Flags.MORE) != 0) {
      begin(type, item, id, frame);
      return Optional.empty();
    }
    checkSize(type, frame.readableBytes());
    return Optional.of(new Message(type, flags, item, id, frame));
  }

  private FrameType typeOf(int code) throws ProtocolException {
    FrameType type =
        FrameType.of(code)
            .orElseThrow(() -> new ProtocolException("type " + code + " does not exist"));
    if (type.sender() != sender) {
      throw new ProtocolException(type + " does not come from " + sender);
    }
    return type;
  }

  private void checkSize(FrameType type, long size) throws ProtocolException {
    if (size > limits.message(type)) {
      throw new ProtocolException(
          type + " of " + size + " bytes, expected at most " + limits.message(type));
    }
  }

  private void begin(FrameType type, int item, int id, ByteBuf frame) throws ProtocolException {
    if (frame.readableBytes() < FrameLimits.TOTAL) {
      throw new ProtocolException("first frame of a longer " + type + " without its total");
    }
    long total = frame.readUnsignedInt();
    checkSize(type, total);
    if (frame.readableBytes() > total) {
      throw new ProtocolException(
          "first frame of " + type + " exceeds its total of " + total + " bytes");
    }
    CompositeByteBuf body = allocator.compositeBuffer(Integer.MAX_VALUE);
    partial = new Partial(type, item, id, total, body);
    partial.append(frame);
  }

  private Optional<Message> continueMessage(
      FrameType type, int flags, int item, int id, ByteBuf frame) throws ProtocolException {
    if (partial == null) {
      throw new ProtocolException(type + " continues a message that has not begun");
    }
    if (type != partial.type || item != partial.item || id != partial.id) {
      throw new ProtocolException(
          "%s of item %d of %s continues %s of item %d of %s"
              .formatted(
                  type,
                  item,
                  Integer.toUnsignedString(id),
                  partial.type,
                  partial.item,
                  Integer.toUnsignedString(partial.id)));
    }
    long received = (long) partial.body.readableBytes() + frame.readableBytes();
    boolean last = (flags & Flags.MORE) == 0;
    if (received > partial.total || (last && received != partial.total)) {
      throw new ProtocolException(
          "the parts of %s are %d bytes, expected %d".formatted(type, received, partial.total));
    }
    if (++partial.frames > FrameLimits.frames(partial.total)) {
      throw new ProtocolException(
          "%s of %d bytes in more than %d frames"
              .formatted(type, partial.total, partial.frames - 1));
    }
    partial.append(frame);
    if (!last) {
      return Optional.empty();
    }
    Optional<Message> message =
        Optional.of(new Message(type, flags & ~Flags.CONTINUED, item, id, partial.body));
    partial = null;
    return message;
  }
}
