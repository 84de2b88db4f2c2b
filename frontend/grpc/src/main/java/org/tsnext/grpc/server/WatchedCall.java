package org.tsnext.grpc.server;

import static org.tsnext.transport.TimeLimit.NEVER;
import static org.tsnext.transport.TimeLimit.isOver;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestIds;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.CallMetadata;
import org.tsnext.grpc.call.InboundCall;

/**
 * A call that its client may not keep open for ever: its request has to come to its end in time,
 * and where it has many messages, nothing may be silent for too long after the first. On the event
 * loop of the call's connection, except for what answers it.
 */
final class WatchedCall<Q, A> extends SimpleForwardingServerCall<Q, A> {

  /** Bytes per second, on average between two looks, below which a message trickles. */
  private static final long TRICKLE = 256;

  private final InboundCall inbound;
  private final Metadata headers;
  private final CallErrors errors;
  private final boolean many;
  private final AtomicBoolean closed = new AtomicBoolean();
  private ServerCall.Listener<Q> handler;
  private boolean complete;
  private boolean looked;
  private long receivedAtLook;
  private int messagesAtLook;
  private long tricklingNanos = NEVER;
  private long quietNanos = NEVER;

  WatchedCall(ServerCall<Q, A> call, Metadata headers, InboundCall inbound, CallErrors errors) {
    super(call);
    this.inbound = inbound;
    this.headers = headers;
    this.errors = errors;
    MethodType type = call.getMethodDescriptor().getType();
    this.many = type == MethodType.BIDI_STREAMING || type == MethodType.CLIENT_STREAMING;
    if (many) {
      inbound.hasManyMessages();
    }
    if (type.serverSendsOneMessage()) {
      inbound.hasOneAnswer();
    }
  }

  InboundCall inbound() {
    return inbound;
  }

  /** Whether it is closed, as refused calls are before anything is read. */
  boolean isClosed() {
    return closed.get();
  }

  @Override
  public void sendHeaders(Metadata sent) {
    if (!closed.get()) {
      super.sendHeaders(sent);
    }
  }

  @Override
  public void sendMessage(A message) {
    if (!closed.get()) {
      super.sendMessage(message);
    }
  }

  @Override
  public void close(Status status, Metadata trailers) {
    if (closed.compareAndSet(false, true)) {
      super.close(status, trailers);
    }
  }

  /**
   * Hands on what comes to the handler of the call.
   *
   * @param watch looks at the call until it needs no more looks
   */
  ServerCall.Listener<Q> listener(ServerCall.Listener<Q> ofHandler, CallWatch watch) {
    handler = ofHandler;
    inbound.handled();
    return new SimpleForwardingServerCallListener<>(ofHandler) {
      @Override
      public void onHalfClose() {
        complete = true;
        watch.remove(WatchedCall.this);
        super.onHalfClose();
      }

      @Override
      public void onCancel() {
        watch.remove(WatchedCall.this);
        try {
          super.onCancel();
        } finally {
          inbound.release();
        }
      }

      @Override
      public void onComplete() {
        watch.remove(WatchedCall.this);
        try {
          super.onComplete();
        } finally {
          inbound.release();
        }
      }
    };
  }

  /**
   * Looks whether the client has done its part, and ends the call if that takes too long.
   *
   * @param before time of the last look
   */
  void look(CallWatch.Limits limits, long before, long now) {
    boolean first = !looked;
    looked = true;
    if (complete || closed.get()) {
      return;
    }
    if (many && inbound.messages() > 0) {
      lookForSilence(limits.idle(), now);
    } else {
      lookForProgress(limits.readingNanos(), first ? now : before, now);
    }
    receivedAtLook = inbound.received();
    messagesAtLook = inbound.messages();
  }

  private void lookForProgress(long limitNanos, long before, long now) {
    long expected = TRICKLE * TimeUnit.NANOSECONDS.toMillis(now - before) / 1000;
    tricklingNanos =
        inbound.received() - receivedAtLook > expected ? NEVER : Math.min(tricklingNanos, before);
    if (isOver(now, tricklingNanos, limitNanos)) {
      end(
          new ServingException(
                  ErrorKind.READ_TIMEOUT, "The request of the call was not received in time.")
              .withDetail(
                  "Its message, or the end of what the client sends, was missing for longer than"
                      + " request_read_timeout_sec."));
    }
  }

  private void lookForSilence(Duration idle, long now) {
    if (inbound.messages() != messagesAtLook || quietNanos == NEVER) {
      quietNanos = now;
    }
    if (!isOver(now, quietNanos, idle.toNanos())) {
      return;
    }
    // Asked late: what is under way is known at once, but how long a sequence may be idle is not.
    Duration allowed = inbound.quietLimit().orElse(Duration.ZERO);
    if (allowed.isZero()) {
      quietNanos = now;
    } else if (isOver(now, quietNanos, Math.max(idle.toNanos(), allowed.toNanos()))) {
      end(
          new ServingException(ErrorKind.READ_TIMEOUT, "The stream was idle for too long.")
              .withDetail(
                  "No message was received for longer than connection_idle_timeout_sec, and none is under"
                      + " way."));
    }
  }

  /** For the handler as if the client had gone; the client is told why. */
  private void end(ServingException error) {
    handler.onCancel();
    Metadata trailers =
        CallMetadata.withRequestId(
            new Metadata(), RequestIds.of(headers.get(CallMetadata.REQUEST_ID)));
    errors.addDetails(error, trailers);
    close(errors.status(error), trailers);
  }
}
