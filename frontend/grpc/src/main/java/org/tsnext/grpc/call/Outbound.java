package org.tsnext.grpc.call;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * The messages of a stream to its client. What the client is too slow for waits here, up to a
 * limit: beyond it the stream is cut, and only that one. Any thread; the order is that of the
 * calls.
 *
 * @param <A> the messages
 */
public final class Outbound<A extends Outbound.Message> {

  /** A message with buffers. */
  public interface Message {

    /** Bytes that it holds. */
    int size();

    /** Gives its buffers back. Written or not, each message is released once. */
    void release();
  }

  private final ServerCall<?, A> call;
  private final int limit;
  private final AnswerRoom room;
  private final Queue<A> waiting = new ArrayDeque<>();
  private long waitingBytes;

  /** Of the message after which the call was not ready any more: gRPC holds it, and little else. */
  private long writtenBytes;

  private boolean ended;
  private Status endStatus;
  private Metadata endTrailers;

  /**
   * Begins a stream without messages.
   *
   * @param limit bytes that may wait
   * @param room counts what the client has not read
   */
  public Outbound(ServerCall<?, A> call, int limit, AnswerRoom room) {
    this.call = call;
    this.limit = limit;
    this.room = room;
  }

  /** Sends what comes before all messages. */
  public synchronized void begin(Metadata headers) {
    if (!ended) {
      call.sendHeaders(headers);
    }
  }

  /**
   * Sends a message, now or when the client can take it. Takes it over.
   *
   * @return false if the limit was passed: then the stream is cut
   */
  public synchronized boolean send(A message) {
    if (ended) {
      message.release();
      return true;
    }
    if (waiting.isEmpty() && call.isReady()) {
      write(message);
      return true;
    }
    if (waitingBytes > limit) {
      message.release();
      cut();
      return false;
    }
    waiting.add(message);
    waitingBytes += message.size();
    count();
    return true;
  }

  /** Ends the stream after what waits. Trailers are taken over. What comes later is left out. */
  public synchronized void end(Status status, Metadata trailers) {
    if (ended) {
      return;
    }
    ended = true;
    if (waiting.isEmpty()) {
      call.close(status, trailers);
    } else {
      endStatus = status;
      endTrailers = trailers;
    }
  }

  /** Whether something waits for the client. */
  public synchronized boolean isCongested() {
    return !waiting.isEmpty();
  }

  /** The client can take more. */
  public synchronized void onReady() {
    writtenBytes = 0;
    while (!waiting.isEmpty() && call.isReady()) {
      A next = waiting.remove();
      waitingBytes -= next.size();
      write(next);
    }
    count();
    if (waiting.isEmpty() && endStatus != null) {
      Status status = endStatus;
      endStatus = null;
      call.close(status, endTrailers);
    }
  }

  /** The client has gone. */
  public synchronized void clientGone() {
    ended = true;
    endStatus = null;
    drop();
  }

  private void cut() {
    ended = true;
    drop();
    call.close(
        Status.RESOURCE_EXHAUSTED.withDescription(
            "The client reads too slowly: more than "
                + limit
                + " bytes of this stream wait for it (stream_buffer_size)."),
        new Metadata());
  }

  private void write(A message) {
    try {
      call.sendMessage(message);
      // While it is ready, gRPC holds some kilobytes at most.
      writtenBytes = call.isReady() ? 0 : message.size();
      count();
    } finally {
      message.release();
    }
  }

  private void drop() {
    waiting.forEach(Message::release);
    waiting.clear();
    waitingBytes = 0;
    count();
  }

  private void count() {
    room.hold(waitingBytes + writtenBytes);
  }
}
