package org.tsnext.worker;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkerListener;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.core.worker.WorkerStarter;
import org.tsnext.transport.Transport;
import org.tsnext.worker.connection.ControlConnection;
import org.tsnext.worker.connection.HelloHandler;
import org.tsnext.worker.connection.WorkerConnection;
import org.tsnext.worker.connection.WorkerSocket;
import org.tsnext.worker.connection.WorkerSocketAddress;
import org.tsnext.worker.output.WorkerOutput;
import org.tsnext.worker.process.InitProcess;
import org.tsnext.worker.process.InitSupervisor;
import org.tsnext.worker.process.LoadMessage;
import org.tsnext.worker.process.SpawnRequest;
import org.tsnext.worker.process.SpawnedWorker;
import org.tsnext.worker.process.WorkerSettings;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.PythonRuntime;
import org.tsnext.worker.protocol.WorkerMessage.Hello;

/**
 * Starts worker processes and talks to them: one listening socket and one {@code init} process for
 * all workers of this server.
 *
 * <p>Bookkeeping happens on one event loop, the control loop. Listeners are called by event loops.
 */
public final class WorkerRuntime implements WorkerStarter, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(WorkerRuntime.class);
  private static final Duration SHUTDOWN_LIMIT = Duration.ofSeconds(10);
  private static final int SECRET_BYTES = 32;

  private final WorkerSettings settings;
  private final Transport transport;
  private final EventLoopGroup eventLoops;
  private final Scheduler scheduler;
  private final EventLoop controlLoop;
  private final FrameLimits limits;
  private final SpawnRequest spawnRequest;
  private final InitSupervisor init;
  private final Map<Integer, SpawnedWorker> workers = new ConcurrentHashMap<>();
  private final AtomicInteger lastSpawnId = new AtomicInteger();
  private final SecureRandom random = new SecureRandom();
  private volatile Optional<WorkerSocket> socket = Optional.empty();

  /**
   * @param eventLoops serves the workers' sockets; stays the caller's, and must outlive this object
   * @param scheduler for grace periods and back-off
   * @param output takes what workers print
   */
  public WorkerRuntime(
      WorkerSettings settings,
      Transport transport,
      EventLoopGroup eventLoops,
      Scheduler scheduler,
      WorkerOutput output) {
    this.settings = settings;
    this.transport = transport;
    this.eventLoops = eventLoops;
    this.scheduler = scheduler;
    this.controlLoop = eventLoops.next();
    this.limits =
        FrameLimits.of(settings.bodies().maxRequestSize(), settings.bodies().maxResponseSize());
    this.spawnRequest = new SpawnRequest(settings);
    this.init =
        new InitSupervisor(
            events ->
                InitProcess.start(
                    InitSupervisor.command(settings),
                    settings.python().environment().allowed(),
                    limits,
                    events),
            limits,
            controlLoop,
            scheduler,
            output,
            workers);
  }

  /**
   * Opens the socket and starts {@code init}. Returns before the zygote is ready. Called once,
   * before any worker is started.
   *
   * @throws IOException if the socket cannot be opened or Python cannot be started
   */
  public void start() throws IOException {
    WorkerSocket opened =
        WorkerSocket.open(listenAddress(), transport, eventLoops, limits, this::hello, scheduler);
    socket = Optional.of(opened);
    try {
      init.start();
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  /** The Python that workers run on, once {@code init} has reported it. */
  public Optional<PythonRuntime> python() {
    return init.python();
  }

  /** Where workers dial in, such as {@code unix:/tmp/ts-1234/w}; known after {@link #start}. */
  public String address() {
    return socket.orElseThrow(() -> new IllegalStateException("not started")).addressText();
  }

  @Override
  public WorkerProcess startWorker(WorkerSpec spec, WorkerListener listener) {
    byte[] secret = new byte[SECRET_BYTES];
    random.nextBytes(secret);
    // 0 is the zygote. The number would have to wrap around for a collision.
    int id = lastSpawnId.updateAndGet(last -> last == -1 ? 1 : last + 1);
    SpawnedWorker worker =
        new SpawnedWorker(id, HexFormat.of().formatHex(secret), spec, listener, init);
    boolean canFork = python().map(PythonRuntime::fork).orElse(true);
    Outgoing.Json spawn = spawnRequest.of(worker, address(), canFork);
    controlLoop.execute(() -> init.spawn(worker, spawn));
    return worker;
  }

  @Override
  public void release(int templateId) {
    controlLoop.execute(() -> init.release(templateId));
  }

  @Override
  public void imported(int versionId, List<String> modules) {
    controlLoop.execute(() -> init.imported(versionId, modules));
  }

  /** Ends all processes, waits until they are gone, and removes the socket. Blocks for seconds. */
  @Override
  public void close() {
    try {
      Optional<InitSupervisor.Ending> ending = controlLoop.submit(init::close).get();
      if (ending.isPresent()) {
        ending.get().process().shutdown(SHUTDOWN_LIMIT);
        ending.get().endReported().get(SHUTDOWN_LIMIT.toSeconds(), TimeUnit.SECONDS);
      }
    } catch (TimeoutException e) {
      LOG.warn("The end of init was not seen within {} s", SHUTDOWN_LIMIT.toSeconds());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException("the worker runtime cannot be closed", e.getCause());
    } catch (RejectedExecutionException e) {
      throw new IllegalStateException("the event loops ended before the worker runtime", e);
    } finally {
      socket.ifPresent(WorkerSocket::close);
    }
  }

  private void hello(Hello hello, HelloHandler stranger) {
    controlLoop.execute(
        () -> {
          SpawnedWorker worker = workers.get(hello.spawnId());
          String shown = "the worker of spawn request " + Integer.toUnsignedString(hello.spawnId());
          if (worker == null) {
            stranger.refuse(shown + " is unknown or has ended");
          } else if (!worker.hasSecret(hello.secret())) {
            stranger.refuse("wrong secret for " + shown);
          } else if (hello.control()) {
            acceptControl(worker, shown, stranger);
          } else if (worker.hasConnection()) {
            stranger.refuse(shown + " has dialled in already");
          } else {
            accept(worker, hello, stranger);
          }
        });
  }

  private void accept(SpawnedWorker worker, Hello hello, HelloHandler stranger) {
    WorkerConnection connection =
        new WorkerConnection(
            stranger.channel(),
            new WorkerConnection.Peer(worker.spec().workerName(), address()),
            LoadMessage.of(worker.spec(), settings),
            limits,
            worker.listener(),
            scheduler,
            worker::disconnected);
    worker.connected(hello.pid(), connection);
    stranger.accept(connection);
  }

  /** Accepts the second connection of a worker, once. */
  private void acceptControl(SpawnedWorker worker, String shown, HelloHandler stranger) {
    if (!worker.hasConnection() || worker.hasControlConnection()) {
      stranger.refuse(shown + " opens a control connection twice, or before its first connection");
      return;
    }
    ControlConnection connection =
        new ControlConnection(
            stranger.channel(), worker.spec().workerName(), limits, worker::withdrawal);
    // In this order: what is asked over it is answered to it.
    stranger.accept(connection);
    worker.controlConnected(connection);
  }

  private WorkerSocketAddress listenAddress() throws IOException {
    if (!settings.socket().unix() || !transport.supportsUnixSockets()) {
      return new WorkerSocketAddress.Tcp();
    }
    List<Path> parents = new ArrayList<>();
    parents.add(settings.socket().temporaryDirectory());
    // Short ones, in case that one is long.
    parents.add(Path.of(System.getProperty("java.io.tmpdir")));
    parents.add(Path.of("/tmp"));
    return WorkerSocketAddress.Unix.create(parents);
  }
}
