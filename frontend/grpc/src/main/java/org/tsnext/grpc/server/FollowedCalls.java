package org.tsnext.grpc.server;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.tsnext.core.access.Access;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.Following;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.core.tracing.RequestTrace.RequestEnd;
import org.tsnext.core.tracing.ServerTiming;
import org.tsnext.core.tracing.Tracing.IncomingRequest;
import org.tsnext.grpc.call.CallMetadata;
import org.tsnext.grpc.call.InboundCall;

/**
 * Follows the calls of a listener that ask models, as far as that is wanted: tells clients the
 * times of their requests in trailing metadata, and traces where calls end. Any event loop.
 */
final class FollowedCalls implements ServerInterceptor {

  private static final Metadata.Key<String> TIMES =
      Metadata.Key.of(ServerTiming.HEADER, Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> WANTED =
      Metadata.Key.of(Following.HEADER, Metadata.ASCII_STRING_MARSHALLER);

  /** What the semantic conventions take for failures of the server. */
  private static final Set<Status.Code> FAILURES =
      EnumSet.of(
          Status.Code.UNKNOWN,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.UNIMPLEMENTED,
          Status.Code.INTERNAL,
          Status.Code.UNAVAILABLE,
          Status.Code.DATA_LOSS);

  private final Following following;
  private final Set<String> rpcs;
  private final Clock clock;

  FollowedCalls(Following following, List<Offer> offers, Clock clock) {
    this.following = following;
    this.rpcs =
        offers.stream()
            .flatMap(
                offer ->
                    offer.service().getMethods().stream()
                        .map(ServerMethodDefinition::getMethodDescriptor)
                        .filter(
                            method ->
                                offer.accessOf(method.getBareMethodName()) == Access.INFERENCE)
                        .map(MethodDescriptor::getFullMethodName))
            .collect(Collectors.toUnmodifiableSet());
    this.clock = clock;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    boolean times = following.timesForAll() || Following.WANTED.equals(headers.get(WANTED));
    if ((!times && following.tracing().isEmpty())
        || !rpcs.contains(call.getMethodDescriptor().getFullMethodName())) {
      return next.startCall(call, headers);
    }
    RequestTimeline timeline = following.begin(incoming(call, headers));
    InboundCall inbound = InboundCall.current();
    inbound.follow(timeline);
    FollowedCall<Q, A> followed = new FollowedCall<>(call, inbound, timeline, times);
    return followed.listener(next.startCall(followed, headers));
  }

  private IncomingRequest incoming(ServerCall<?, ?> call, Metadata headers) {
    MethodDescriptor<?, ?> method = call.getMethodDescriptor();
    return new IncomingRequest(
        method.getFullMethodName(),
        Map.of(
            "rpc.system",
            "grpc",
            "rpc.service",
            Objects.requireNonNullElse(method.getServiceName(), ""),
            "rpc.method",
            Objects.requireNonNullElse(method.getBareMethodName(), "")),
        clock.nanoTime(),
        name ->
            CallMetadata.values(headers, Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER)));
  }

  private final class FollowedCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final InboundCall inbound;
    private final RequestTimeline timeline;
    private final boolean times;
    private final AtomicBoolean ended = new AtomicBoolean();

    FollowedCall(
        ServerCall<Q, A> call, InboundCall inbound, RequestTimeline timeline, boolean times) {
      super(call);
      this.inbound = inbound;
      this.timeline = timeline;
      this.times = times;
    }

    ServerCall.Listener<Q> listener(ServerCall.Listener<Q> handler) {
      return new SimpleForwardingServerCallListener<>(handler) {
        @Override
        public void onCancel() {
          try {
            super.onCancel();
          } finally {
            end(Status.CANCELLED);
          }
        }
      };
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (times && (following.timesForAll() || inbound.hadToken())) {
        trailers.put(TIMES, ServerTiming.of(timeline, clock.nanoTime()));
      }
      super.close(status, trailers);
      end(status);
    }

    private void end(Status status) {
      if (ended.compareAndSet(false, true)) {
        boolean failed = FAILURES.contains(status.getCode());
        RequestEnd end =
            new RequestEnd(
                "rpc.grpc.status_code",
                status.getCode().value(),
                failed,
                failed ? status.getCode().name() : "");
        timeline.trace().ifPresent(trace -> trace.end(timeline, end));
      }
    }
  }
}
