package org.tsnext.grpc.server;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ReflectiveChannelFactory;
import io.netty.channel.ServerChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.OriginCheck;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.Following;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcAddress;
import org.tsnext.grpc.settings.GrpcLimits;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.ConnectionCount;
import org.tsnext.transport.Transport;
import org.tsnext.transport.http2.ConnectionRules;
import org.tsnext.transport.tls.TlsListener;

/** One open gRPC listener: its services on the shared event loops, with its limits. */
public final class GrpcListener {

  private static final List<String> HTTP_2 = List.of("h2");

  private static final int BACKLOG = 1024;

  /** Calls of one connection at a time. */
  private static final int MAX_CALLS = 100;

  /** Bytes of a call's metadata, with 32 for each, as the protocol counts. */
  private static final int MAX_METADATA = 16 * 1024;

  /** Calls that a client may take back: a flood of them is CVE-2023-44487. */
  private static final int MAX_RESETS = 200;

  private static final int RESET_WINDOW_SECONDS = 10;

  /** Clients may ask whether the connection is alive, but not all the time. */
  private static final Duration MIN_CLIENT_PING_INTERVAL = Duration.ofSeconds(5);

  /** A client that is gone without a word is noticed. */
  private static final Duration OWN_PING = Duration.ofMinutes(2);

  private static final Duration OWN_PING_TIMEOUT = Duration.ofSeconds(20);

  private final Server server;
  private final GrpcAddress address;

  private GrpcListener(Server server, GrpcAddress address) {
    this.server = server;
    this.address = address;
  }

  /**
   * What listeners share.
   *
   * @param following which calls are followed
   */
  public record ListenerContext(
      GrpcLimits limits,
      GrpcAccess access,
      CallErrors errors,
      BodyMemory memory,
      Network network,
      Clock clock,
      Following following) {

    /** The same, for a listener that asks for no token and speaks without TLS. */
    public ListenerContext withoutTokens() {
      GrpcAccess open = new GrpcAccess(Optional.empty(), Optional.empty(), access.pages());
      return new ListenerContext(limits, open, errors, memory, network, clock, following);
    }
  }

  /**
   * Where listeners run.
   *
   * @param loops the caller's to end
   */
  public record Network(Transport transport, EventLoopGroup loops) {}

  /**
   * Opens a listener. Blocks.
   *
   * @param count of its connections, which listeners can share
   * @throws IOException naming the address and its configuration key
   */
  public static GrpcListener open(
      GrpcAddress address, List<Offer> offers, ConnectionCount count, ListenerContext context)
      throws IOException {
    try {
      return new GrpcListener(builder(address, offers, count, context).build().start(), address);
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "Cannot listen on "
              + shown(address.host(), address.port())
              + " ("
              + address.portKey()
              + "): "
              + cause.getMessage(),
          e);
    }
  }

  private static NettyServerBuilder builder(
      GrpcAddress address, List<Offer> offers, ConnectionCount count, ListenerContext context)
      throws IOException {
    InetSocketAddress wanted =
        new InetSocketAddress(InetAddress.getByName(address.host()), address.port());
    CallLimits calls =
        new CallLimits(
            context.limits(), offers, context.memory(), context.errors(), context.clock());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(wanted)
            .channelFactory(acceptor(count, calls, context))
            .bossEventLoopGroup(context.network().loops())
            .workerEventLoopGroup(context.network().loops())
            .withOption(ChannelOption.SO_BACKLOG, BACKLOG)
            // Nothing that a call does blocks, so that it stays on its connection's loop.
            .directExecutor()
            // The access log looks for what the other one puts into the call's context.
            .addStreamTracerFactory(calls)
            .addStreamTracerFactory(new RpcAccessLog(context.clock()))
            .intercept(calls)
            .intercept(new FollowedCalls(context.following(), offers, context.clock()));
    addLimits(builder, address, context.limits());
    addServices(builder, address, offers, context);
    return builder;
  }

  private static void addLimits(
      NettyServerBuilder builder, GrpcAddress address, GrpcLimits limits) {
    builder
        .maxInboundMessageSize(limits.maxRequestSize())
        .maxInboundMetadataSize(MAX_METADATA)
        .maxConcurrentCallsPerConnection(MAX_CALLS)
        .maxRstFramesPerWindow(MAX_RESETS, RESET_WINDOW_SECONDS)
        .permitKeepAliveTime(MIN_CLIENT_PING_INTERVAL.toNanos(), TimeUnit.NANOSECONDS)
        .permitKeepAliveWithoutCalls(true)
        .keepAliveTime(OWN_PING.toNanos(), TimeUnit.NANOSECONDS)
        .keepAliveTimeout(OWN_PING_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
    address
        .maxAge()
        .ifPresent(age -> builder.maxConnectionAge(age.toNanos(), TimeUnit.NANOSECONDS));
    address
        .maxAgeGrace()
        .ifPresent(grace -> builder.maxConnectionAgeGrace(grace.toNanos(), TimeUnit.NANOSECONDS));
  }

  private static void addServices(
      NettyServerBuilder builder,
      GrpcAddress address,
      List<Offer> offers,
      ListenerContext context) {
    GrpcAccess access = context.access();
    OriginCheck origins =
        new OriginCheck(
            access.pages(),
            address.host(),
            access.tls().isPresent(),
            access.tokens().map(tokens -> tokens.open().contains(Access.INFERENCE)).orElse(true));
    CallGate gate = new CallGate(origins, access.tokens(), context.errors());
    offers.forEach(offer -> builder.addService(gate.guarded(offer)));
    builder.fallbackHandlerRegistry(new UnknownRpcs(gate));
  }

  private static ChannelFactory<ServerChannel> acceptor(
      ConnectionCount count, CallLimits calls, ListenerContext context) throws IOException {
    Optional<TlsListener> tls =
        context.access().tls().isPresent()
            ? Optional.of(tlsListener(context.access().tls().get()))
            : Optional.empty();
    ConnectionRules rules =
        ConnectionRules.of(
            context.limits().idle(),
            context.limits().reading(),
            ConnectionRules.Bodies.WATCHED_ABOVE,
            context.clock()::nanoTime);
    ChannelFactory<? extends ServerChannel> channels =
        new ReflectiveChannelFactory<>(context.network().transport().tcpServerChannel());
    return () -> {
      ServerChannel channel = channels.newChannel();
      channel
          .pipeline()
          .addLast(
              "connections", new AcceptedConnections(count, tls, rules, calls, context.memory()));
      return channel;
    };
  }

  private static TlsListener tlsListener(GrpcAccess.Tls tls) throws IOException {
    return new TlsListener(tls.keys(), HTTP_2, tls.handshakes());
  }

  /** Where it listens, with the port that was really taken. */
  public String address() {
    return shown(address.host(), server.getPort());
  }

  private static String shown(String host, int port) {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }

  public int port() {
    return server.getPort();
  }

  /** Takes no new connections and no new calls; those that run may end. */
  public void stop() {
    server.shutdown();
  }

  /** Waits for calls that run, then ends them. Blocks. */
  public void close(Duration limit) throws InterruptedException {
    if (!server.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS)) {
      server.shutdownNow();
      server.awaitTermination(OWN_PING_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
    }
  }
}
