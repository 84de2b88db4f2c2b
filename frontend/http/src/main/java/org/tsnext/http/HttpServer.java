package org.tsnext.http;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.core.access.HostNames;
import org.tsnext.core.access.OriginCheck;
import org.tsnext.core.time.Clock;
import org.tsnext.core.tracing.Following;
import org.tsnext.http.access.HostGuard;
import org.tsnext.http.access.OriginGuard;
import org.tsnext.http.access.TokenGuard;
import org.tsnext.http.connection.HttpAccessLog;
import org.tsnext.http.connection.HttpPipeline;
import org.tsnext.http.connection.ServerContext;
import org.tsnext.http.response.CorsOrigins;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.HeadEncoder;
import org.tsnext.http.routing.RequestDispatcher;
import org.tsnext.http.routing.RequestFollower;
import org.tsnext.http.routing.RequestGuard;
import org.tsnext.http.routing.RouteHints;
import org.tsnext.http.routing.RouteTable;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.http.settings.TokenSettings;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.ConnectionCount;
import org.tsnext.transport.Transport;
import org.tsnext.transport.UnsentOutput;
import org.tsnext.transport.tls.TlsListener;

/**
 * The HTTP listeners of a server. The event loops stay the caller's to end. The methods are for one
 * thread, which is none of those loops.
 */
public final class HttpServer implements AutoCloseable {

  private static final List<String> HTTP_VERSIONS =
      List.of(ApplicationProtocolNames.HTTP_2, ApplicationProtocolNames.HTTP_1_1);

  private final HttpSettings settings;
  private final Transport transport;
  private final EventLoopGroup loops;
  private final ListenerRoutes routes;
  private final ServerContext context;
  private final Following following;
  private final ChannelGroup connections =
      new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
  private final List<Acceptor> acceptors = new ArrayList<>();
  private final RouteHints hints = new RouteHints();
  private volatile boolean draining;

  public HttpServer(
      HttpSettings settings,
      HttpServices services,
      MetricsSource metrics,
      Transport transport,
      EventLoopGroup loops,
      Clock clock) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.transport = Objects.requireNonNull(transport, "transport");
    this.loops = Objects.requireNonNull(loops, "loops");
    this.routes = new ListenerRoutes(settings, services, metrics, clock);
    if (services.jobs().isEmpty()) {
      hints.switchedOff("jobs", "The job API is off; enable_job_api=true turns it on.");
    }
    this.following = metrics.following();
    this.context =
        new ServerContext(
            new ServerContext.Bodies(
                settings.bodies().maxRequestSize(),
                settings.bodies().streamBufferLimit(),
                new BodyMemory(settings.bodies().memory())),
            new ServerContext.Rendering(
                new HeadEncoder(settings.cors(), clock),
                new CorsOrigins(settings.cors()),
                new ErrorRenderer(
                    settings.api().errors(), settings.addresses().kserve().isPresent())),
            new HttpAccessLog(),
            metrics.metrics(),
            clock,
            () -> draining);
  }

  /**
   * Opens the listeners, inference first. If one fails, none stays open.
   *
   * @throws IOException naming the address and its configuration key
   */
  public List<BoundListener> bind() throws IOException {
    try {
      HttpSettings.Addresses addresses = settings.addresses();
      ConnectionCount ofInference;
      if (addresses.combined()) {
        ofInference =
            open(
                addresses.inference(), EnumSet.of(ListenerRole.INFERENCE, ListenerRole.MANAGEMENT));
      } else {
        ofInference = open(addresses.inference(), EnumSet.of(ListenerRole.INFERENCE));
        open(addresses.management(), EnumSet.of(ListenerRole.MANAGEMENT));
      }
      if (addresses.metrics().isPresent()) {
        open(addresses.metrics().get(), EnumSet.of(ListenerRole.METRICS));
      }
      if (addresses.kserve().isPresent()) {
        open(addresses.kserve().get(), EnumSet.of(ListenerRole.KSERVE), ofInference);
      }
    } catch (IOException e) {
      stopAccepting();
      throw e;
    }
    return acceptors.stream().map(Acceptor::listener).toList();
  }

  /** Returns how the connections of the listener are counted, with a limit of their own. */
  private ConnectionCount open(ListenAddress address, Set<ListenerRole> roles) throws IOException {
    ConnectionCount count = count(roles);
    open(address, roles, count);
    return count;
  }

  private void open(ListenAddress address, Set<ListenerRole> roles, ConnectionCount count)
      throws IOException {
    RouteTable table = routes.of(roles);
    RequestDispatcher dispatcher =
        new RequestDispatcher(
            table,
            settings.cors(),
            guard(address, roles),
            hints,
            routes.landingPage(roles),
            new RequestFollower(
                following, routes.asksForToken(roles.contains(ListenerRole.KSERVE))));
    String key = roles.iterator().next().key();
    HttpPipeline pipeline =
        new HttpPipeline(
            context,
            dispatcher,
            connections,
            tls(address, key),
            count,
            settings.access().connections());
    Acceptor acceptor =
        Acceptor.open(
            address, roles, key, transport, loops, pipeline, settings.sockets().unixMode());
    acceptors.add(acceptor);
    hints.add(key, acceptor.listener().address().toString(), table);
  }

  private Optional<HttpPipeline.Tls> tls(ListenAddress address, String key) throws IOException {
    if (!(address instanceof ListenAddress.Tcp tcp && tcp.tls())) {
      return Optional.empty();
    }
    SocketSettings.Tls tls =
        settings
            .sockets()
            .tls()
            .orElseThrow(
                () -> new IOException("No TLS key for the listener " + address + " (" + key + ")"));
    return Optional.of(
        new HttpPipeline.Tls(
            new TlsListener(tls.keys(), HTTP_VERSIONS, tls.handshakes()),
            new TlsListener(
                tls.keys(), List.of(ApplicationProtocolNames.HTTP_1_1), tls.handshakes())));
  }

  /** A listener with two roles has room for the connections of both. */
  private ConnectionCount count(Set<ListenerRole> roles) {
    ConnectionLimits limits = settings.access().connections();
    int most = 0;
    List<String> keys = new ArrayList<>();
    for (ListenerRole role : roles) {
      int ofRole = limits.of(role);
      if (ofRole == 0) {
        return new ConnectionCount(0, "", context.clock()::nanoTime);
      }
      most += ofRole;
      keys.add(role.name().toLowerCase(Locale.ROOT) + "_max_connections");
    }
    return new ConnectionCount(most, String.join(" and ", keys), context.clock()::nanoTime);
  }

  /** A listener for KServe asks for no token, although the server has some. */
  private RequestGuard guard(ListenAddress address, Set<ListenerRole> roles) {
    AccessSettings access = settings.access();
    Optional<TokenSettings> checked =
        access.tokens().filter(tokens -> !roles.contains(ListenerRole.KSERVE));
    boolean open =
        checked.isEmpty()
            || (roles.contains(ListenerRole.INFERENCE) && isFree(checked, Access.INFERENCE));
    RequestGuard tokens = checked.<RequestGuard>map(TokenGuard::new).orElse(RequestGuard.NONE);
    RequestGuard others = origins(address, open).and(tokens);
    if (!(address instanceof ListenAddress.Tcp tcp) || access.hosts().any()) {
      return others;
    }
    HostNames names = new HostNames(access.hosts().allowed(), tcp.host());
    boolean loopback = tcp.isLoopback();
    return new HostGuard(names, route -> isGuarded(route, loopback, checked)).and(others);
  }

  private static boolean isFree(Optional<TokenSettings> checked, Access route) {
    return checked.filter(tokens -> tokens.asksFor(route)).isEmpty();
  }

  /**
   * @param open whether models can be asked without a token
   */
  private OriginGuard origins(ListenAddress address, boolean open) {
    AccessSettings access = settings.access();
    AllowedPages pages = new AllowedPages(settings.cors().origins(), access.hosts().allowed());
    return new OriginGuard(
        address instanceof ListenAddress.Tcp tcp
            ? new OriginCheck(pages, tcp.host(), tcp.tls(), open)
            : new OriginCheck(pages, "", false, open));
  }

  /**
   * Beyond this machine, and where a page would need a key it does not have, models may be asked by
   * any name: gateways and service meshes have many. Metrics usually need no key.
   */
  private static boolean isGuarded(Access route, boolean local, Optional<TokenSettings> checked) {
    boolean withoutToken =
        route == Access.METRICS
            || route == Access.PAGE
            || checked.isEmpty()
            || (route == Access.INFERENCE && isFree(checked, route));
    return route.managing() || (local && withoutToken);
  }

  /** The memory for large bodies, which other transports share. */
  public BodyMemory bodyMemory() {
    return context.bodies().memory();
  }

  /** Takes no new connections. Open ones go on. Blocks for a moment. */
  public void stopAccepting() {
    acceptors.forEach(Acceptor::close);
    acceptors.clear();
  }

  /**
   * Takes no new connections, closes idle ones, lets requests in flight be answered for at most
   * {@code limit}, then closes every connection. Blocks.
   */
  public void close(Duration limit) {
    stopAccepting();
    routes.close();
    draining = true;
    connections.forEach(HttpPipeline::drain);
    connections.newCloseFuture().awaitUninterruptibly(limit.toMillis(), TimeUnit.MILLISECONDS);
    connections.forEach(UnsentOutput::abort);
    connections.close().awaitUninterruptibly();
  }

  /** As {@link #close(Duration)} without any patience. */
  @Override
  public void close() {
    close(Duration.ZERO);
  }
}
