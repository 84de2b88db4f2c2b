package org.tsnext.grpc.call;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestIds;

/**
 * One unary call on its way. It is ended once, from any thread; what comes later is left out.
 *
 * @param <A> the answer
 */
public final class UnaryExchange<A> {

  private static final AtomicIntegerFieldUpdater<UnaryExchange<?>> ENDED = updater();

  private final ServerCall<?, A> call;
  private final Metadata headers;
  private final CallErrors errors;
  private final String requestId;
  private volatile Runnable onClientGone = () -> {};

  @SuppressWarnings("UnusedVariable") // it is, by its updater
  private volatile int ended;

  UnaryExchange(ServerCall<?, A> call, Metadata headers, CallErrors errors) {
    this.call = call;
    this.headers = headers;
    this.errors = errors;
    this.requestId = RequestIds.of(headers.get(CallMetadata.REQUEST_ID));
  }

  /** The client's id, or one of ours. */
  public String requestId() {
    return requestId;
  }

  /** What the client sent beside its message. */
  public Metadata headers() {
    return headers;
  }

  /** How long the client still waits, if it said so. To be asked while the call is handed over. */
  public Optional<Duration> timeout() {
    return timeoutOf(Context.current());
  }

  static Optional<Duration> timeoutOf(Context context) {
    Deadline deadline = context.getDeadline();
    return deadline == null
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(Math.max(1, deadline.timeRemaining(TimeUnit.NANOSECONDS))));
  }

  /**
   * Says what to do if the client goes away before the answer; runs at once if it has gone. On the
   * thread that handed the call over.
   */
  public void onClientGone(Runnable action) {
    onClientGone = action;
    if (call.isCancelled()) {
      action.run();
    }
  }

  void clientGone() {
    ENDED.set(this, 1);
    onClientGone.run();
  }

  /** Answers. */
  public void send(A answer) {
    send(answer, new Metadata());
  }

  /**
   * Answers.
   *
   * @param trailers sent after the answer; taken over
   */
  public void send(A answer, Metadata trailers) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      call.sendHeaders(CallMetadata.withRequestId(new Metadata(), requestId));
      call.sendMessage(answer);
      call.close(Status.OK, trailers);
    }
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
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // a class literal has no type arguments
  private static AtomicIntegerFieldUpdater<UnaryExchange<?>> updater() {
    return (AtomicIntegerFieldUpdater)
        AtomicIntegerFieldUpdater.newUpdater(UnaryExchange.class, "ended");
  }
}
