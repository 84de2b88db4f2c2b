package org.tsnext.grpc.server;

import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerStreamTracer;
import io.netty.channel.Channel;
import java.net.SocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.tsnext.core.access.Access;
import org.tsnext.core.time.Clock;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.InboundCall;
import org.tsnext.grpc.settings.GrpcLimits;
import org.tsnext.transport.BodyMemory;

/**
 * The limits of time and memory of every call of a listener, whatever the rpc: those that need no
 * token, are refused, or do not exist, too.
 */
final class CallLimits extends ServerStreamTracer.Factory implements ServerInterceptor {

  /** Bytes of a message to an rpc that every client may call: they carry a name at most. */
  private static final int MAX_OPEN_MESSAGE = 16 * 1024;

  private static final Set<Access> OPEN = Set.of(Access.PROBE, Access.DESCRIPTION);

  private final CallWatch.Limits times;
  private final int maxMessage;
  private final Set<String> openRpcs;
  private final BodyMemory memory;
  private final CallErrors errors;
  private final Clock clock;

  /** By the address of the client, which is what gRPC says of a call's connection. */
  private final Map<SocketAddress, CallWatch> connections = new ConcurrentHashMap<>();

  CallLimits(
      GrpcLimits limits, List<Offer> offers, BodyMemory memory, CallErrors errors, Clock clock) {
    this.times = new CallWatch.Limits(limits.reading().toNanos(), limits.idle());
    this.maxMessage = limits.maxRequestSize();
    this.openRpcs =
        offers.stream()
            .flatMap(
                offer ->
                    offer.service().getMethods().stream()
                        .map(ServerMethodDefinition::getMethodDescriptor)
                        .filter(method -> OPEN.contains(offer.accessOf(method.getBareMethodName())))
                        .map(method -> method.getFullMethodName()))
            .collect(Collectors.toUnmodifiableSet());
    this.memory = memory;
    this.errors = errors;
    this.clock = clock;
  }

  /** Watches over the calls of a connection, until it is closed. */
  CallWatch open(Channel connection) {
    CallWatch watch = new CallWatch(times, clock.nanoTime());
    SocketAddress client = connection.remoteAddress();
    if (client != null) {
      connections.put(client, watch);
      connection.closeFuture().addListener(closed -> connections.remove(client, watch));
    }
    return watch;
  }

  @Override
  public ServerStreamTracer newServerStreamTracer(String fullMethodName, Metadata headers) {
    int most = openRpcs.contains(fullMethodName) ? MAX_OPEN_MESSAGE : maxMessage;
    return new InboundCall(most, memory, errors);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    WatchedCall<Q, A> watched = new WatchedCall<>(call, headers, InboundCall.current(), errors);
    ServerCall.Listener<Q> handler = next.startCall(watched, headers);
    SocketAddress client = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    CallWatch watch = client == null ? null : connections.get(client);
    if (watch == null || watched.isClosed()) {
      // Of a connection that is closing already, or of a call that was refused.
      return handler;
    }
    watch.add(watched);
    return watched.listener(handler, watch);
  }
}
