package org.tsnext.http;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.testng.annotations.AfterClass;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.BeforeMethod;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.FakeModels;
import org.tsnext.core.time.Clock;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.jobs.JobService;
import org.tsnext.transport.Transport;
import org.tsnext.transport.testing.LeakWatch;

/** A real server on free ports in front of fakes of the core, new for each test. */
abstract class HttpTestBase {

  static final int MAX_REQUEST = 1000;
  static final int STREAM_LIMIT = 64 * 1024;
  private static final int BIND_ATTEMPTS = 10;

  final Transport transport = Transport.choose(true);
  private EventLoopGroup loops;
  private LeakWatch leaks;
  private final List<AutoCloseable> open = new ArrayList<>();
  FakeInference inference;
  FakeModels models;
  FakeWorkflows workflows;
  MetricRegistry registry;
  ServerMetrics metrics;
  ExecutorService renderer;
  List<String> startUpModels;
  HttpServer server;
  int port;
  int managementPort;
  int metricsPort;

  @BeforeClass
  public void startLoops() {
    leaks = new LeakWatch();
    loops = transport.newEventLoopGroup(2, "http-test");
    renderer = Executors.newSingleThreadExecutor();
  }

  @AfterClass(alwaysRun = true)
  public void endLoops() throws InterruptedException {
    renderer.shutdownNow();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    leaks.check();
  }

  @BeforeMethod
  public void startServer() throws IOException {
    inference = new FakeInference();
    models = new FakeModels();
    workflows = new FakeWorkflows(inference);
    registry = new MetricRegistry(1000);
    metrics = CoreFixture.serverMetrics(registry);
    startUpModels = new ArrayList<>();
    server = serve(settings());
    List<BoundListener> listeners = server.bind();
    port = port(listeners.get(0));
    managementPort = port(listeners, ListenerRole.MANAGEMENT);
    metricsPort = metricsAddress().isEmpty() ? 0 : port(listeners, ListenerRole.METRICS);
  }

  @AfterMethod(alwaysRun = true)
  public void stopServer() throws Exception {
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
    open.clear();
  }

  HttpSettings settings() {
    ListenAddress any = new ListenAddress.Tcp("127.0.0.1", 0);
    return settings(any, any, CorsSettings.none(), true);
  }

  /** What the server of a test lets in: everything. */
  AccessSettings access() {
    return AccessSettings.open();
  }

  final HttpSettings settings(
      ListenAddress inferenceAddress,
      ListenAddress managementAddress,
      CorsSettings cors,
      boolean modelApi) {
    return new HttpSettings(
        new HttpSettings.Addresses(inferenceAddress, managementAddress, metricsAddress()),
        sockets(),
        new HttpSettings.BodySettings(MAX_REQUEST, STREAM_LIMIT, HttpSettings.DEFAULT_BODY_MEMORY),
        cors,
        access(),
        new HttpSettings.ApiSettings(
            modelApi, ErrorForm.next(true), "1.0.0", () -> startUpModels, openInference()));
  }

  /** Where the server of a test listens for scrapers: nowhere. */
  Optional<ListenAddress> metricsAddress() {
    return Optional.empty();
  }

  OpenInferenceSettings openInference() {
    return OpenInferenceSettings.off();
  }

  /** The jobs of the server of a test: there are none. */
  Optional<JobService> jobs() {
    return Optional.empty();
  }

  SocketSettings sockets() {
    return SocketSettings.plain();
  }

  /** What the listeners of a test lead to: no web pages. */
  HttpServices services() {
    return new HttpServices(inference, models, workflows, jobs(), Optional.empty());
  }

  /** The time of the server of a test. */
  Clock clock() {
    return Clock.system();
  }

  /** A server that is closed after the test. */
  final HttpServer serve(HttpSettings settings) {
    HttpServer made =
        new HttpServer(
            settings, services(), new MetricsSource(metrics, renderer), transport, loops, clock());
    open.add(made);
    return made;
  }

  /**
   * A server whose listeners share one address. Port 0 would give them two, so a free port is
   * chosen; where another process takes it meanwhile, another one is.
   */
  final List<BoundListener> bindOnOneAddress(Function<ListenAddress, HttpSettings> chosen)
      throws IOException {
    for (int attempt = 1; ; attempt++) {
      int free;
      try (ServerSocket socket = new ServerSocket(0)) {
        free = socket.getLocalPort();
      }
      try {
        return serve(chosen.apply(new ListenAddress.Tcp("127.0.0.1", free))).bind();
      } catch (IOException e) {
        if (attempt == BIND_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  final List<BoundListener> bindOnOneAddress() throws IOException {
    return bindOnOneAddress(address -> settings(address, address, CorsSettings.none(), true));
  }

  final RawClient client() throws IOException {
    return client(port);
  }

  final RawClient client(int toPort) throws IOException {
    return closedAfterwards(new RawClient(toPort));
  }

  final RawClient closedAfterwards(RawClient client) {
    open.add(0, client);
    return client;
  }

  final RawClient management() throws IOException {
    return client(managementPort);
  }

  private static int port(List<BoundListener> listeners, ListenerRole role) {
    return listeners.stream()
        .filter(listener -> listener.roles().contains(role))
        .mapToInt(HttpTestBase::port)
        .findFirst()
        .orElseThrow();
  }

  static int port(BoundListener listener) {
    return ((ListenAddress.Tcp) listener.address()).port();
  }

  static void waitUntil(String what, BooleanSupplier condition) throws InterruptedException {
    long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > limit) {
        throw new AssertionError("not within 60 s: " + what);
      }
      Thread.sleep(5);
    }
  }
}
