package org.tsnext.grpc.call;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestIds;
import org.tsnext.core.tracing.RequestTimeline;

/**
 * One unary call on its way. It is ended once, from any thread; what comes later is left out.
 *
 * @param <A> the answer
 */
public final class UnaryExchange<A> {

  private static final Logger LOG = LoggerFactory.getLogger(UnaryExchange.class);

  private static final AtomicIntegerFieldUpdater<UnaryExchange<?>> ENDED = updater();

  private final ServerCall<?, A> call;
  private final Metadata headers;
  private final CallErrors errors;
  private final String requestId;
  private final Optional<RequestTimeline> timeline;
  private final AnswerRoom room;
  private volatile Runnable onClientGone = () -> {};
  private volatile Runnable onEnd = () -> {};

  @SuppressWarnings("UnusedVariable") // it is, by its updater
  private volatile int ended;

  UnaryExchange(ServerCall<?, A> call, Metadata headers, CallErrors errors) {
    this.call = call;
    this.headers = headers;
    this.errors = errors;
    this.requestId = RequestIds.of(headers.get(CallMetadata.REQUEST_ID));
    this.timeline = InboundCall.currentTimeline();
    this.room = InboundCall.current().answers();
  }

  /** The client's id, or one of ours. */
  public String requestId() {
    return requestId;
  }

  /** What notes the moments of the call, if it is followed. */
  public Optional<RequestTimeline> timeline() {
    return timeline;
  }

  /** What the client sent beside its message. */
  public Metadata headers() {
    return headers;
  }

  /** Counts so many bytes of an answer that cannot be sent yet. */
  void hold(long bytes) {
    room.hold(bytes);
  }

  /** How long the client still waits, if it said so. To be asked while the call is handed over. */
  public Optional<Duration> timeout() {
    return CallTimeout.of(Context.current());
  }

  /**
   * Says what to do if the client goes away before the answer. On the thread that handed the call
   * over, which is also the one that learns of it.
   */
  public void onClientGone(Runnable action) {
    onClientGone = action;
  }

  /**
   * Says what to do when the call has ended, however that is. On the thread that handed the call
   * over, before anything is answered.
   */
  public void onEnd(Runnable action) {
    onEnd = action;
  }

  void clientGone() {
    if (ENDED.compareAndSet(this, 0, 1)) {
      onClientGone.run();
      onEnd.run();
    }
  }

  /** Answers. */
  public void send(A response) {
    send(response, new Metadata());
  }

  /**
   * Answers.
   *
   * @param trailers sent after the answer; taken over
   */
  public void send(A response, Metadata trailers) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      call.sendHeaders(CallMetadata.withRequestId(new Metadata(), requestId));
      call.sendMessage(response);
      call.close(Status.OK, trailers);
      onEnd.run();
    }
  }

  /**
   * Ends with what was thrown, or what a future failed with: an error as it is, anything else,
   * which is a fault of ours, in the log.
   */
  public void failWith(Throwable failure) {
    fail(ServingException.of(failure, this::fault));
  }

  private ServingException fault(Throwable cause) {
    LOG.error(
        "Call {} {} failed", requestId, call.getMethodDescriptor().getFullMethodName(), cause);
    return ServingException.internal(cause);
  }

  /** Ends with an error. */
  public void fail(ServingException error) {
    fail(error, new Metadata());
  }

  /**
   * Ends with an error.
   *
   * @param trailers sent with it; taken over
   */
  public void fail(ServingException error, Metadata trailers) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      errors.addDetails(error, trailers);
      call.close(errors.status(error), CallMetadata.withRequestId(trailers, requestId));
      onEnd.run();
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // a class literal has no type arguments
  private static AtomicIntegerFieldUpdater<UnaryExchange<?>> updater() {
    return (AtomicIntegerFieldUpdater)
        AtomicIntegerFieldUpdater.newUpdater(UnaryExchange.class, "ended");
  }
}
