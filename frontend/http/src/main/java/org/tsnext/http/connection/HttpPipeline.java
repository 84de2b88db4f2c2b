package org.tsnext.http.connection;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.group.ChannelGroup;
import io.netty.handler.ssl.ApplicationProtocolNames;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.http.connection.RequestRouter.Destination;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.transport.ConnectionCount;
import org.tsnext.transport.http2.ConnectionRules;
import org.tsnext.transport.tls.TlsListener;

/**
 * The handlers of a connection, in the order in which a request meets them. Answers are written by
 * {@link Exchange}.
 */
@SuppressWarnings("FutureReturnValueIgnored") // callers wait for the close of the channel instead
public final class HttpPipeline extends ChannelInitializer<Channel> {

  /**
   * A listener's sides of TLS.
   *
   * @param any offers all protocols that the listener speaks
   * @param http1 offers HTTP/1.1 alone, to connections beyond the limit
   */
  public record Tls(TlsListener any, TlsListener http1) {}

  private static final HttpsOnly HTTPS_ONLY = new HttpsOnly();

  /** Refused connections that are still open, of one listener. */
  private static final int MAX_LINGERING = 32;

  private final ServerContext server;
  private final RequestRouter router;
  private final ChannelGroup connections;
  private final Optional<Tls> tls;
  private final Http2Connections http2;
  private final ConnectionCount count;
  private final ConnectionTimeouts timeouts;
  private final AtomicInteger lingering = new AtomicInteger();

  /**
   * Makes the pipeline of a listener.
   *
   * @param connections takes every connection of the listener
   * @param tls present if the listener speaks TLS
   * @param count of the listener's connections
   * @param limits of time
   */
  public HttpPipeline(
      ServerContext server,
      RequestRouter router,
      ChannelGroup connections,
      Optional<Tls> tls,
      ConnectionCount count,
      ConnectionLimits limits) {
    this.server = server;
    this.router = router;
    this.connections = connections;
    this.tls = tls;
    this.http2 =
        new Http2Connections(
            server,
            router,
            ConnectionRules.of(
                limits.idle(),
                limits.reading(),
                ConnectionRules.Bodies.RESET_HERE,
                server.clock()::nanoTime));
    this.count = count;
    this.timeouts = ConnectionTimeouts.of(limits.idle(), limits.reading(), server.clock());
  }

  @Override
  protected void initChannel(Channel channel) {
    connections.add(channel);
    if (!count.takes(channel)) {
      refuse(channel);
      return;
    }
    if (timeouts.any()) {
      channel.pipeline().addLast("watch", new ConnectionWatch(timeouts));
    }
    if (tls.isPresent()) {
      addTls(channel, tls.get().any());
    } else {
      addPlain(channel.pipeline());
    }
  }

  /**
   * In a flood of them not each is told why, since those that are keep a descriptor for a moment,
   * and a handshake of TLS costs some work.
   */
  private void refuse(Channel channel) {
    if (lingering.incrementAndGet() > MAX_LINGERING) {
      lingering.decrementAndGet();
      channel.close();
      return;
    }
    channel.closeFuture().addListener(closed -> lingering.decrementAndGet());
    tls.ifPresent(sides -> channel.pipeline().addLast("tls", sides.http1().newHandler(channel)));
    channel.pipeline().addLast("refused", new RefusedConnection(this::serveOne));
  }

  private void serveOne(ChannelHandlerContext refused) {
    addHttp1(refused.pipeline(), head -> new LastOfConnection(router.route(head)));
  }

  private record LastOfConnection(Destination destination) implements Destination {
    @Override
    public boolean wantsBody() {
      return destination.wantsBody();
    }

    @Override
    public void respond(Exchange exchange) {
      exchange.closeAfterwards();
      destination.respond(exchange);
    }
  }

  private void addPlain(ChannelPipeline pipeline) {
    pipeline.addLast("preface", new PrefaceDetector(() -> http2InsteadOfHttp1(pipeline)));
    addHttp1(pipeline, router);
  }

  private void http2InsteadOfHttp1(ChannelPipeline pipeline) {
    pipeline.remove("decoder");
    pipeline.remove("connection");
    pipeline.remove("assembler");
    speakHttp2(pipeline);
    if (server.draining().getAsBoolean()) {
      // Later, since what has come already may hold a request.
      Channel channel = pipeline.channel();
      channel.eventLoop().execute(() -> drain(channel));
    }
  }

  private void speakHttp2(ChannelPipeline pipeline) {
    if (pipeline.get("watch") != null) {
      pipeline.remove("watch");
    }
    http2.addTo(pipeline);
  }

  private void addTls(Channel channel, TlsListener listener) {
    ChannelPipeline pipeline = channel.pipeline();
    pipeline.addLast("detector", new TlsDetector(() -> withoutTls(pipeline)));
    pipeline.addLast("tls", listener.newHandler(channel));
    pipeline.addLast("negotiation", new ProtocolNegotiation(this::agreed));
  }

  private void agreed(ChannelHandlerContext ctx, String protocol) {
    if (protocol.equals(ApplicationProtocolNames.HTTP_2)) {
      speakHttp2(ctx.pipeline());
    } else {
      addHttp1(ctx.pipeline(), router);
    }
    if (server.draining().getAsBoolean()) {
      drain(ctx.channel());
    }
  }

  private void withoutTls(ChannelPipeline pipeline) {
    pipeline.remove("negotiation");
    pipeline.remove("tls");
    addHttp1(pipeline, HTTPS_ONLY);
  }

  private void addHttp1(ChannelPipeline pipeline, RequestRouter responding) {
    ConnectionHandler connection = new ConnectionHandler(server);
    pipeline.addLast("decoder", new RequestDecoder());
    pipeline.addLast("connection", connection);
    pipeline.addLast("assembler", new RequestAssembler(connection, server, responding));
  }

  /** Closes a connection as soon as nothing is in flight on it. Any thread. */
  public static void drain(Channel channel) {
    if (!channel.eventLoop().inEventLoop()) {
      channel.eventLoop().execute(() -> drain(channel));
      return;
    }
    ConnectionHandler http1 = channel.pipeline().get(ConnectionHandler.class);
    if (http1 != null) {
      http1.drain();
    } else {
      // HTTP/2 says GOAWAY, and closes when its streams have been answered.
      channel.close();
    }
  }
}
