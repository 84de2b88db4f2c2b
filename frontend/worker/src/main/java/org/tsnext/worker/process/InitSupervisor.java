package org.tsnext.worker.process;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.worker.output.OutputPump;
import org.tsnext.worker.output.WorkerOutput;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.InitMessage;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.PythonRuntime;

/**
 * Keeps one {@code init} running and passes what it reports to its workers. Methods are called on
 * the control loop unless they say otherwise.
 */
public final class InitSupervisor implements SpawnedWorker.Control {

  private static final Logger LOG = LoggerFactory.getLogger(InitSupervisor.class);

  private static final int SIGKILL = 9;

  /** Exit code of shells for a command that cannot be started. */
  private static final int CANNOT_START = 127;

  /** Seconds before the next start, by the number of ends in a row. */
  private static final int[] BACKOFF = {0, 1, 1, 2, 3, 5, 8};

  /** An init that lived this long after it was ready starts the count anew. */
  private static final Duration STABLE = Duration.ofSeconds(10);

  private final Starter starter;
  private final FrameLimits limits;
  private final Executor controlLoop;
  private final Scheduler scheduler;
  private final OutputPump pump;
  private final Map<Integer, SpawnedWorker> workers;
  private final Map<Integer, Outgoing.Json> waiting = new LinkedHashMap<>();
  private Optional<InitProcess> current = Optional.empty();
  private int failures;
  private boolean closing;
  private CompletableFuture<Void> endReported = new CompletableFuture<>();

  /** Readable from any thread. */
  private volatile Optional<PythonRuntime> python = Optional.empty();

  /** Makes an {@code init} process. */
  public interface Starter {
    public InitProcess start(InitProcess.Events events) throws IOException;
  }

  /**
   * @param workers those alive, by id; changed here, and looked up by other threads
   */
  public InitSupervisor(
      Starter starter,
      FrameLimits limits,
      Executor controlLoop,
      Scheduler scheduler,
      WorkerOutput output,
      Map<Integer, SpawnedWorker> workers) {
    this.starter = starter;
    this.limits = limits;
    this.controlLoop = controlLoop;
    this.scheduler = scheduler;
    this.workers = workers;
    this.pump = new OutputPump(output, workers);
  }

  /**
   * Starts the first {@code init}. Called by a thread that may block.
   *
   * @throws IOException if it cannot be started
   */
  public void start() throws IOException {
    InitEvents initEvents = new InitEvents();
    InitProcess process = starter.start(initEvents);
    execute(() -> adopt(initEvents, process));
  }

  /** What the current zygote is, once it is ready. Any thread. */
  public Optional<PythonRuntime> python() {
    return python;
  }

  /** Starts a worker, now or when there is an {@code init} again. */
  public void spawn(SpawnedWorker worker, Outgoing.Json request) {
    if (closing) {
      worker.ended(new ExitStatus(CANNOT_START, 0, "the server is shutting down"));
      return;
    }
    if (request.size() > limits.message(FrameType.SPAWN)) {
      String reason = "its environment is too large: " + request.size() + " bytes of JSON";
      worker.ended(new ExitStatus(CANNOT_START, 0, reason));
      return;
    }
    workers.put(worker.id(), worker);
    if (current.isPresent()) {
      current.get().send(request);
    } else {
      waiting.put(worker.id(), request);
    }
  }

  /** Ends the template processes of a version. If there is no {@code init}, there are none. */
  public void release(int templateId) {
    current.ifPresent(init -> init.send(new Outgoing.Json(FrameType.RELEASE, templateId, "")));
  }

  /** Has later forks of a version find these modules imported. */
  public void imported(int versionId, List<String> modules) {
    JsonObject body = new JsonObject();
    JsonArray names = new JsonArray();
    modules.forEach(names::add);
    body.add("names", names);
    Outgoing.Json message = new Outgoing.Json(FrameType.IMPORTED, versionId, body.toString());
    if (message.size() <= limits.message(FrameType.IMPORTED)) {
      current.ifPresent(init -> init.send(message));
    }
  }

  @Override
  public void signalKill(SpawnedWorker worker) {
    if (waiting.remove(worker.id()) != null) {
      worker.ended(new ExitStatus(CANNOT_START, 0, "ended before it was started"));
    } else {
      String body = "{\"signal\":" + SIGKILL + "}";
      current.ifPresent(init -> init.send(new Outgoing.Json(FrameType.SIGNAL, worker.id(), body)));
    }
  }

  @Override
  public void forget(SpawnedWorker worker) {
    workers.remove(worker.id());
    waiting.remove(worker.id());
  }

  @Override
  public void execute(Runnable task) {
    controlLoop.execute(task);
  }

  @Override
  public Scheduler.Scheduled schedule(Duration delay, Runnable task) {
    return scheduler.schedule(delay, () -> execute(task));
  }

  /**
   * Starts no process any more, and asks the one that runs to end.
   *
   * @return the one that is to be shut down
   */
  public Optional<Ending> close() {
    closing = true;
    current.ifPresent(init -> init.send(new Outgoing.Json(FrameType.SHUTDOWN, 0, "")));
    endWaiting("the server is shutting down");
    return current.map(process -> new Ending(process, endReported));
  }

  /**
   * An {@code init} that was asked to end.
   *
   * @param endReported completes when its end was reported to its workers
   */
  public record Ending(InitProcess process, CompletableFuture<Void> endReported) {}

  private void adopt(InitEvents initEvents, InitProcess process) {
    LOG.debug("init {} started", process.pid());
    initEvents.process = Optional.of(process);
    current = initEvents.process;
    endReported = new CompletableFuture<>();
    try {
      process.serve();
    } catch (Throwable failure) { // no memory, or no threads
      ended(initEvents, "it cannot be served: " + failure);
      return;
    }
    if (closing) {
      process.send(new Outgoing.Json(FrameType.SHUTDOWN, 0, ""));
    }
    waiting.values().forEach(process::send);
    waiting.clear();
  }

  private void ended(InitEvents initEvents, String reason) {
    if (current.isEmpty() || !current.equals(initEvents.process)) {
      return; // that is known
    }
    current = Optional.empty();
    python = Optional.empty();
    if (!closing) {
      LOG.error("init ended: {}; all of its workers end with it", reason);
    }
    // The kernel kills the workers of an init that is gone.
    ExitStatus status = new ExitStatus(-1, 0, "init ended: " + reason);
    for (SpawnedWorker worker : new ArrayList<>(workers.values())) {
      worker.ended(status);
    }
    endReported.complete(null);
    restartLater();
  }

  private void restartLater() {
    if (closing) {
      return;
    }
    int delay = BACKOFF[Math.min(failures, BACKOFF.length - 1)];
    failures++;
    schedule(Duration.ofSeconds(delay), this::restart);
  }

  private void restart() {
    if (closing) {
      return;
    }
    // Starting a process takes too long for an event loop.
    try {
      Thread thread = new Thread(this::startAgain, "worker-init-start");
      thread.setDaemon(true);
      thread.start();
    } catch (Throwable failure) { // no memory, or no threads
      notStarted(failure);
    }
  }

  private void startAgain() {
    try {
      start();
    } catch (Throwable failure) { // also of a shortage, which may pass
      execute(() -> notStarted(failure));
    }
  }

  private void notStarted(Throwable failure) {
    LOG.error("init cannot be started", failure);
    endWaiting("init cannot be started: " + failure.getMessage());
    restartLater();
  }

  private void endWaiting(String reason) {
    for (int id : List.copyOf(waiting.keySet())) {
      SpawnedWorker worker = workers.get(id);
      if (worker != null) {
        worker.ended(new ExitStatus(CANNOT_START, 0, reason));
      }
    }
  }

  private void said(InitEvents initEvents, InitMessage message) {
    if (message instanceof InitMessage.Ready ready) {
      ready(initEvents, ready.python());
    } else if (message instanceof InitMessage.Spawned spawned) {
      find(spawned.spawnId())
          .ifPresent(worker -> worker.started(spawned.pid(), spawned.plainFork()));
    } else if (message instanceof InitMessage.Exited exited) {
      find(exited.spawnId()).ifPresent(worker -> worker.ended(exited.status()));
    } else if (message instanceof InitMessage.ZygoteExited zygote) {
      ExitStatus status = zygote.status();
      LOG.warn(
          "The zygote ended ({}); init starts a new one, workers go on",
          status.signal() > 0 ? "signal " + status.signal() : "code " + status.code());
    }
  }

  private void ready(InitEvents initEvents, PythonRuntime runtime) {
    LOG.info(
        "Python {}, {}, imported in {} ms",
        runtime.python(),
        runtime.torch().map(version -> "torch " + version).orElse("no torch"),
        runtime.importTook().toMillis());
    schedule(
        STABLE,
        () -> {
          if (current.isPresent() && current.equals(initEvents.process)) {
            failures = 0;
          }
        });
    python = Optional.of(runtime);
  }

  private Optional<SpawnedWorker> find(int id) {
    return Optional.ofNullable(workers.get(id));
  }

  /** The events of one {@code init}, passed to the control loop. */
  private final class InitEvents implements InitProcess.Events {

    private Optional<InitProcess> process = Optional.empty();

    @Override
    public void said(InitMessage message) {
      execute(() -> InitSupervisor.this.said(this, message));
    }

    @Override
    public void printed(int spawnId, boolean stderr, ByteBuf text) {
      pump.accept(spawnId, stderr, text);
    }

    @Override
    public void notSpawned(int spawnId, String reason) {
      ExitStatus status = new ExitStatus(CANNOT_START, 0, reason);
      execute(() -> find(spawnId).ifPresent(found -> found.ended(status)));
    }

    @Override
    public void ended(String reason) {
      execute(() -> InitSupervisor.this.ended(this, reason));
    }
  }

  /** The command line of {@code init}. */
  public static List<String> command(WorkerSettings settings) {
    return List.of(
        settings.python().interpreter(),
        settings.python().packageDirectory().resolve("_zygote").resolve("init.py").toString());
  }
}
