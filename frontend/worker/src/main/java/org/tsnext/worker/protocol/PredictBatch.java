package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.worker.protocol.FrameType.Flags;

/**
 * A batch on its way to the worker. It shares the buffers of its requests from construction until
 * it is encoded or released, so that the requests may be released in between.
 */
public final class PredictBatch implements Outgoing {

  /** Everything but strings and values: kind, time left, lengths and counts. */
  private static final int FIXED_FIELDS = 15;

  /** Stands with the kind of a request whose answer is read into tensors. */
  private static final int FOR_TENSORS = 0x80;

  /** Stands with the kind of a request that is followed: its handler's context comes, too. */
  private static final int FOLLOWED = 0x40;

  private static final int PER_HEADER = 6;
  private static final int PER_PART = 8;

  private final int id;
  private final List<InferenceRequest> items;
  private final int[] timeLeftMillis;
  private final FollowedBatch followed;
  private boolean held = true;

  /** A batch of which nothing is followed. Retains the buffers of all items. */
  public PredictBatch(int id, List<InferenceRequest> items, int[] timeLeftMillis) {
    this(id, items, timeLeftMillis, FollowedBatch.NOT_FOLLOWED);
  }

  /** Retains the buffers of all items. */
  public PredictBatch(
      int id, List<InferenceRequest> items, int[] timeLeftMillis, FollowedBatch followed) {
    if (items.isEmpty()
        || items.size() > FrameLimits.MAX_ITEMS
        || timeLeftMillis.length != items.size()) {
      throw new IllegalArgumentException(
          "%d items and %d deadlines, expected 1 to %d of both"
              .formatted(items.size(), timeLeftMillis.length, FrameLimits.MAX_ITEMS));
    }
    this.id = id;
    this.items = List.copyOf(items);
    this.timeLeftMillis = timeLeftMillis.clone();
    this.followed = followed;
    retainAll();
  }

  public int id() {
    return id;
  }

  @Override
  public void appendTo(List<ByteBuf> out, FrameEncoder encoder) throws ProtocolException {
    for (int i = 0; i < items.size(); i++) {
      int flags = i == items.size() - 1 ? Flags.LAST_ITEM : 0;
      appendItem(encoder, i, flags, out);
    }
    release();
  }

  /** Gives up this object's share of the buffers. Does nothing if it was encoded. */
  @Override
  public void release() {
    if (held) {
      held = false;
      forEachValue(ByteBuf::release);
    }
  }

  private void appendItem(FrameEncoder encoder, int index, int flags, List<ByteBuf> out)
      throws ProtocolException {
    InferenceRequest request = items.get(index);
    Optional<String> context = contextOf(index);
    try (OutgoingBody body = encoder.body(FrameType.PREDICT, expectedFields(request))) {
      body.u8(
              code(request.kind())
                  | (request.tensors() ? FOR_TENSORS : 0)
                  | (context.isPresent() ? FOLLOWED : 0))
          .u32(timeLeftMillis[index])
          .str16("request id", request.id());
      if (context.isPresent()) {
        body.str16("handler context", context.get());
      }
      body.headers(request.headers());
      List<InputPart> parts = request.parts();
      body.u16(body.checkCount("part count", parts.size(), FrameLimits.MAX_PARTS));
      for (InputPart part : parts) {
        body.str16("part name", part.name())
            .str16("content type of a part", part.contentType())
            .bytes32(part.value());
      }
      encoder.append(FrameType.PREDICT, flags, index, id, body, out);
    }
  }

  private Optional<String> contextOf(int index) {
    return followed == FollowedBatch.NOT_FOLLOWED
        ? Optional.empty()
        : followed.handlerContext(index);
  }

  private static int code(RequestKind kind) {
    return switch (kind) {
      case PREDICT -> 0;
      case EXPLAIN -> 1;
      case DESCRIBE -> 2;
    };
  }

  /** Exact for ASCII; a guess too small only makes the buffer grow. */
  private static int expectedFields(InferenceRequest request) {
    int size = FIXED_FIELDS + request.id().length();
    for (Header header : request.headers()) {
      size += PER_HEADER + header.name().length() + header.value().length();
    }
    if (!request.parts().isEmpty()) {
      InputPart first = request.parts().get(0);
      size += PER_PART + first.name().length() + first.contentType().length();
      size += OutgoingBody.copied(first.value());
    }
    return size;
  }

  /** All or none: a buffer that is released already refuses. */
  private void retainAll() {
    int retained = 0;
    boolean all = false;
    try {
      for (InferenceRequest request : items) {
        for (InputPart part : request.parts()) {
          part.value().retain();
          retained++;
        }
      }
      all = true;
    } finally {
      if (!all) {
        items.stream()
            .flatMap(request -> request.parts().stream())
            .limit(retained)
            .forEach(part -> part.value().release());
      }
    }
  }

  private void forEachValue(Consumer<ByteBuf> action) {
    for (InferenceRequest request : items) {
      for (InputPart part : request.parts()) {
        action.accept(part.value());
      }
    }
  }
}
