package org.tsnext.grpc.call;

import io.grpc.Context;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.BodyRoom;

/**
 * What a call has received, and the room that this takes of the memory for bodies: from the first
 * byte of a message on, complete or not. Where a call has one message, the room is kept until the
 * handler has ended; where it has many, until the message is complete, from when on its handler
 * counts it. On the event loop of the call's connection.
 */
public final class InboundCall extends ServerStreamTracer {

  private static final Context.Key<InboundCall> KEY = Context.key("inbound-call");

  private final int maxMessage;
  private final BodyMemory memory;
  private final CallErrors errors;
  private final MessageLengths lengths = new MessageLengths();
  private final AnswerRoom answers;
  private BodyRoom room;
  private boolean oneAnswer;
  private boolean manyMessages;
  private boolean handled;
  private long received;
  private long counted;
  private long unpacked;
  private int messages;
  private Supplier<Optional<Duration>> quietLimit = Optional::empty;

  /** Set before the call has its handler; null if nothing follows it. */
  private volatile RequestTimeline timeline;

  private volatile boolean token;

  /**
   * Begins a call of which nothing has come.
   *
   * @param maxMessage bytes of a message
   */
  public InboundCall(int maxMessage, BodyMemory memory, CallErrors errors) {
    this.maxMessage = maxMessage;
    this.memory = memory;
    this.errors = errors;
    this.answers = new AnswerRoom(memory);
    this.room = memory.begin(0);
  }

  /** The call that runs on this thread. */
  public static InboundCall current() {
    return KEY.get();
  }

  /** What notes the moments of the call that runs on this thread, if it is followed. */
  public static Optional<RequestTimeline> currentTimeline() {
    InboundCall call = KEY.get();
    return call == null ? Optional.empty() : call.timeline();
  }

  /** The call of a context, or null. */
  public static InboundCall of(Context context) {
    return KEY.get(context);
  }

  /** Has the moments of its requests noted. */
  public void follow(RequestTimeline ofCall) {
    timeline = ofCall;
  }

  /** What notes its moments, if it is followed. */
  public Optional<RequestTimeline> timeline() {
    return Optional.ofNullable(timeline);
  }

  /** It had to have a token, and had one that is valid. */
  public void passedWithToken() {
    token = true;
  }

  /** As {@link #passedWithToken} was told. */
  public boolean hadToken() {
    return token;
  }

  @Override
  public Context filterContext(Context context) {
    return context.withValue(KEY, this);
  }

  /** The client may send more than one message. */
  public void hasManyMessages() {
    manyMessages = true;
  }

  /** Whether the client may send more than one message. */
  public boolean isOfManyMessages() {
    return manyMessages;
  }

  /** The server sends one message; for others their handler counts what waits. */
  public void hasOneAnswer() {
    oneAnswer = true;
  }

  /** What the answers of the call take of the memory. */
  public AnswerRoom answers() {
    return answers;
  }

  /**
   * Says for how long the client may be silent between messages.
   *
   * @param limit asked when the client is; empty if it may be for now
   */
  public void quietFor(Supplier<Optional<Duration>> limit) {
    quietLimit = limit;
  }

  /** As {@link #quietFor} was told. */
  public Optional<Duration> quietLimit() {
    return quietLimit.get();
  }

  /** Bytes of messages that have come, complete or not. */
  public long received() {
    return received;
  }

  /** Messages that have come as a whole. */
  public int messages() {
    return messages;
  }

  /**
   * Takes more room, until the call has ended, if what is made of its message needs more than that.
   *
   * @param bytes that are needed in all
   * @throws ServingException BODY_MEMORY_FULL
   */
  public void hold(long bytes) {
    if (!room.grow(bytes)) {
      throw HeldMemory.full(room.isLarge(bytes));
    }
  }

  /** Bytes come, before gRPC reads messages from them. They stay the caller's. */
  public void comes(ByteBuf bytes) {
    lengths.comes(bytes);
  }

  @Override
  public void inboundMessage(int number) {
    if (lengths.isLarge(number) && (manyMessages || number == 0)) {
      room.release();
      room = memory.begin(BodyMemory.MAX_SMALL + 1L);
    }
  }

  @Override
  public void inboundWireSize(long bytes) {
    received += bytes;
    counted += bytes;
    try {
      if (counted > maxMessage) {
        throw new ServingException(
            ErrorKind.REQUEST_TOO_LARGE,
            "The message is larger than this rpc takes: " + maxMessage + " bytes.");
      }
      hold(counted);
    } catch (ServingException e) {
      // Here gRPC ends a call with the status that it catches.
      throw errors.status(e).asRuntimeException();
    }
  }

  @Override
  public void inboundMessageRead(int number, long wireSize, long uncompressedSize) {
    messages++;
    if (manyMessages) {
      counted = 0;
      room.release();
      room = memory.begin(0);
    }
  }

  /** Of a message that came compressed, what has been unpacked of it so far. */
  @Override
  public void inboundUncompressedSize(long bytes) {
    unpacked += bytes;
    if (!manyMessages) {
      hold(unpacked);
    }
  }

  /** Of what now waits until the client reads it. */
  @Override
  public void outboundWireSize(long bytes) {
    if (oneAnswer) {
      answers.hold(bytes);
    }
  }

  /** The call has ended before it had a handler; else {@link #release} comes after that one. */
  @Override
  public void streamClosed(Status status) {
    if (!handled) {
      release();
    }
  }

  /** From now on the call has a handler, which hears of its end after the stream is closed. */
  public void handled() {
    handled = true;
  }

  /** Gives the room back. */
  public void release() {
    room.release();
    answers.close();
  }
}
