package org.tsnext.server;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.ModelSource;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.ServingCore;
import org.tsnext.core.model.ModelChangeListener;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.TimerThread;
import org.tsnext.grpc.GrpcServers;
import org.tsnext.grpc.settings.ServiceSettings;
import org.tsnext.grpc.settings.ServiceSettings.OpenInferenceProtocol;
import org.tsnext.http.HttpServer;
import org.tsnext.http.HttpServices;
import org.tsnext.http.console.ConsoleSource;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.jobs.JobDoors;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.lifecycle.ShutdownDelay;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.lifecycle.TemporaryFolders;
import org.tsnext.server.logging.ModelLog;
import org.tsnext.server.machine.GpuDetector;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.persistence.SnapshotWriter;
import org.tsnext.server.settings.GrpcKeys;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.WorkerKeys;
import org.tsnext.server.snapshot.SavedModel;
import org.tsnext.server.tokens.Tokens;
import org.tsnext.transport.tls.TlsKeys;
import org.tsnext.worker.WorkerRuntime;
import org.tsnext.workflow.Workflows;

/**
 * The parts of a server, put together in the order in which they need each other, and taken apart
 * in reverse. {@link #start} is called once; {@link #close} also after a start that failed.
 */
final class Server implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(Server.class);

  /** What workers may need beyond the drain until all of them are gone. */
  private static final Duration WORKERS_GONE_TIMEOUT = Duration.ofSeconds(15);

  private final Settings settings;
  private final ModuleSettings modules;
  private final Map<String, String> environment;
  private final GpuDetector gpuDetector;
  private final Path temporaryDirectory;
  private final ClosingStack parts = new ClosingStack();
  private final ConsoleWiring console;
  private final SnapshotPlan snapshots;
  private final Optional<SnapshotWriter> snapshotWriter;
  private volatile ServingCore core;
  private volatile Workflows workflows;
  private volatile JobsWiring jobs;
  private volatile StartupModels startupModels;
  private volatile FatalModels fatalModels;
  private volatile Optional<ConsoleSource> consoleSource = Optional.empty();
  private volatile Optional<Tokens> tokens = Optional.empty();

  /**
   * @param environment the process's own
   * @param temporaryDirectory where the server makes its private folder
   * @param snapshots what to restore, and where to save
   */
  Server(
      Settings settings,
      Map<String, String> environment,
      GpuDetector gpuDetector,
      Path temporaryDirectory,
      SnapshotPlan snapshots) {
    this.settings = settings;
    this.modules = new ModuleSettings(settings, Runtime.getRuntime().availableProcessors());
    this.environment = Map.copyOf(environment);
    this.gpuDetector = gpuDetector;
    this.temporaryDirectory = temporaryDirectory;
    this.console = new ConsoleWiring(settings, Clock.system());
    this.snapshots = snapshots;
    this.snapshotWriter =
        snapshots
            .folder()
            .map(
                folder ->
                    new SnapshotWriter(
                        folder,
                        this::modelsToSave,
                        settings.get(ModelKeys.SNAPSHOTS_KEPT),
                        settings
                            .get(ServerKeys.COMPATIBILITY)
                            .isOriginal(Deviation.SNAPSHOT_MOMENTS),
                        Version.current()));
  }

  /**
   * Puts the parts together and opens the listeners. No model is loaded yet.
   *
   * @return the addresses by role, as they really are
   * @throws StartException with what was opened still open: call {@link #close}
   */
  Map<String, String> start() throws StartException {
    StartReport.logSettings(settings, snapshots);
    ServerResources resources =
        ServerResources.open(settings, modules, environment, temporaryDirectory, parts);
    // Before the core, since Python imports while the rest starts.
    WorkerRuntime workers = startWorkers(resources);
    assembleCore(resources, workers);
    Map<String, String> addresses = openListeners(resources);
    ClassArchiveMaker.wanted(settings.get(ServerKeys.PYTHON), resources.packageDirectory())
        .ifPresent(ClassArchiveMaker::makeLater);
    return addresses;
  }

  private WorkerRuntime startWorkers(ServerResources resources) throws StartException {
    TemporaryFolders folders = resources.folders();
    ModelLog modelLog = parts.add("model log", ModelLog.start());
    WorkerRuntime workers =
        parts.add(
            "workers",
            new WorkerRuntime(
                modules.workers(
                    resources.packageDirectory(),
                    folders.sockets().orElse(folders.models()),
                    folders.sockets().isPresent(),
                    resources.processEnvironment()),
                resources.transport(),
                resources.threads().loops(),
                resources.threads().timer(),
                console.output(modelLog)));
    try {
      workers.start();
    } catch (IOException e) {
      throw new StartException("Cannot start Python: " + e.getMessage(), e);
    }
    return workers;
  }

  private void assembleCore(ServerResources resources, WorkerRuntime workers)
      throws StartException {
    ModelSources sources =
        ModelSources.open(settings, modules, environment, resources.folders(), parts);
    ModelSource source = sources.models();
    startupModels =
        snapshots.restored().isPresent()
            ? StartupModels.restored(snapshots.restored().get())
            : StartupModels.of(namedModels(), source);
    int detected = gpuDetector.count();
    ServingSettings serving = modules.serving(modules.gpus(detected));
    StartReport.logMachine(settings, modules, serving, detected, resources.transport());
    MetricsWiring metrics = resources.metrics();
    ServingCore.Execution execution =
        new ServingCore.Execution(
            Clock.system(), resources.threads().timer(), resources.threads().executor());
    core =
        new ServingCore(
            serving,
            ModelFilesWiring.of(settings, environment, resources, source),
            new ServingCore.WorkerProcesses(workers, metrics.usage()),
            execution,
            metrics.metrics(),
            snapshotWriter.map(ModelChangeListener.class::cast).orElse(ModelChangeListener.NONE));
    jobs = new JobsWiring(settings, parts);
    parts.add("core", this::stopWorkers);
    workflows = workflows(sources.workflows(), execution);
    jobs.open(
        new JobDoors(core.inference(), workflows::submit),
        execution,
        metrics.metrics(),
        modules.drainTimeout());
    consoleSource = console.open(core, source, resources, parts);
    fatalModels =
        new FatalModels(
            core.readiness(),
            settings.get(ModelKeys.EXIT_ON_LOAD_FAILURE),
            resources.threads().timer());
    metrics.watch(
        core,
        modules.systemMetrics(
            resources.packageDirectory(),
            resources.processEnvironment(),
            serving.machine().gpuCount()));
    snapshotWriter.ifPresent(writer -> parts.add("snapshots", writer));
  }

  /** Returns the addresses by role, as they really are. */
  private Map<String, String> openListeners(ServerResources resources) throws StartException {
    // The file goes after the listeners, which are closed first.
    tokens =
        modules.tokensOn()
            ? Optional.of(openTokens(resources.threads().executor()))
            : Optional.empty();
    SocketSettings sockets = sockets(resources.threads().timer(), resources.threads().executor());
    ExecutorService conversions = fewThreads("tensors");
    HttpServer http =
        new HttpServer(
            modules.http(
                sockets,
                modules.access(tokens),
                startupModels::loaded,
                new OpenInferenceSettings(ModuleSettings.openInference(settings), conversions)),
            new HttpServices(
                core.inference(), core.models(), workflows, jobs.service(), consoleSource),
            resources.metrics().source(),
            resources.transport(),
            resources.threads().loops(),
            Clock.system());
    Listeners listeners =
        new Listeners(http, grpc(sockets, http, conversions, resources), Clock.system());
    parts.add("listeners", () -> listeners.close(modules.drainTimeout()));
    Map<String, String> addresses = listeners.bind();
    jobs.stopBeforeListeners();
    ShutdownDelay delay =
        new ShutdownDelay(
            core.readiness(), settings.get(WorkerKeys.SHUTDOWN_DELAY), resources.threads().timer());
    parts.add("readiness", delay::await);
    return addresses;
  }

  /** What will be loaded by {@link #loadModels}, as the operator named it. */
  List<String> modelsToLoad() {
    return startupModels.locations();
  }

  /** Those of them that could not be registered so far, with the cause, in a line each. */
  List<String> failedModels() {
    return startupModels.failed();
  }

  /** Those that end the server when they have failed, once it has started. */
  FatalModels fatalModels() {
    return fatalModels;
  }

  /** Where clients' keys are, once the server has started; empty if there is no such file. */
  Optional<Path> keyFile() {
    return tokens.flatMap(Tokens::keyFile);
  }

  /**
   * Loads the models of the start. The future ends, never exceptionally, when each has its fate.
   */
  CompletableFuture<Void> loadModels() {
    return startupModels
        .load(core.models(), core.readiness()::startFailed)
        .thenRun(
            () -> {
              core.readiness().startCompleted();
              jobs.recover();
              snapshotWriter.ifPresent(SnapshotWriter::begin);
            });
  }

  /** With those that could not be restored, for a start at which they can. */
  private List<SavedModel> modelsToSave() {
    List<SavedModel> models = new ArrayList<>();
    core.registered().forEach(model -> models.add(SavedModel.of(model)));
    for (SavedModel missing : startupModels.notRestored()) {
      if (models.stream().noneMatch(missing::isSameVersionAs)) {
        models.add(missing.asLeftOver(models));
      }
    }
    return models;
  }

  /**
   * Is ready no more, serves on for {@code shutdown_delay_sec}, takes no new connections, lets what
   * is in flight end within {@code shutdown_drain_timeout}, then ends every process and removes
   * everything temporary. Blocks.
   */
  @Override
  public void close() {
    parts.close();
  }

  /** The longest that {@link #close} should take. */
  Duration closeLimit() {
    return ModuleSettings.stopTime(settings).plus(WORKERS_GONE_TIMEOUT).plus(WORKERS_GONE_TIMEOUT);
  }

  /** The listeners have waited already: what still runs has no client. */
  private void stopWorkers() throws InterruptedException, ExecutionException {
    try {
      core.drain(Duration.ZERO).get(WORKERS_GONE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      LOGGER.warn("Workers are still there after {}; killing them", WORKERS_GONE_TIMEOUT);
    }
  }

  private Workflows workflows(ModelSource source, ServingCore.Execution execution) {
    return new Workflows(
        source,
        new Workflows.Doors(core.models(), core.inference()),
        execution,
        new Workflows.Limits(
            modules.maxRequestSize(), settings.get(WorkerKeys.UNREGISTER_MODEL_TIMEOUT)),
        settings.get(ServerKeys.COMPATIBILITY));
  }

  private List<String> namedModels() {
    return SageMaker.of(environment)
        .withoutPlaceholder(
            settings.find(ModelKeys.LOAD_MODELS).orElse(List.of()),
            settings.find(ModelKeys.MODEL_STORE));
  }

  private Tokens openTokens(ExecutorService executor) throws StartException {
    Path keyFile = KeyFilePlace.of(settings, Path.of("").toAbsolutePath(), temporaryDirectory);
    Tokens made = parts.add("key file", new Tokens(settings, keyFile, Clock.system(), executor));
    made.open(settings);
    return made;
  }

  private SocketSettings sockets(TimerThread timer, ExecutorService executor)
      throws StartException {
    Optional<TlsKeys> keys = new TlsSettings(settings, environment).open(InstantSource.system());
    keys.filter(TlsKeys::canChange)
        .ifPresent(
            k ->
                new TlsReload(k, settings.get(ListenerKeys.TLS_RELOAD_INTERVAL), timer, executor)
                    .start());
    return new SocketSettings(
        keys.map(k -> new SocketSettings.Tls(k, fewThreads("tls-handshake"))), modules.unixMode());
  }

  private Optional<OpenInferenceProtocol> openInferenceProtocol(ExecutorService conversions) {
    return ModuleSettings.openInference(settings)
        ? Optional.of(new OpenInferenceProtocol(Version.current(), conversions))
        : Optional.empty();
  }

  /** A few threads, so that a flood of what they do leaves processors to requests. */
  private ExecutorService fewThreads(String name) {
    ExecutorService threads =
        Executors.newFixedThreadPool(modules.fewThreads(), new DefaultThreadFactory(name, true));
    parts.add(name + " threads", threads::shutdownNow);
    return threads;
  }

  private Optional<GrpcServers> grpc(
      SocketSettings sockets,
      HttpServer http,
      ExecutorService conversions,
      ServerResources resources) {
    if (!settings.get(GrpcKeys.ENABLE_GRPC_API)) {
      return Optional.empty();
    }
    return Optional.of(
        new GrpcServers(
            GrpcSettingsFactory.of(
                settings,
                modules.maxRequestSize(),
                modules.descriptors().allowed(),
                sockets,
                tokens,
                new ServiceSettings(
                    settings.get(ModelKeys.ENABLE_MODEL_API),
                    openInferenceProtocol(conversions),
                    resources.metrics().following())),
            core.inference(),
            core.models(),
            http.bodyMemory(),
            resources.transport(),
            resources.threads().loops(),
            Clock.system()));
  }
}
