package org.tsnext.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import org.tsnext.archive.UnpackLimits;
import org.tsnext.archive.remote.AllowedUrls;
import org.tsnext.archive.remote.DownloadLimits;
import org.tsnext.archive.remote.RemoteSettings;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.core.access.TokenRotation;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.http.settings.TokenSettings;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.lifecycle.TemporaryFolders.Sockets;
import org.tsnext.server.metrics.SystemMetricsPlan;
import org.tsnext.server.persistence.SnapshotFolder;
import org.tsnext.server.settings.GrpcKeys;
import org.tsnext.server.settings.KServe;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ModelsProperty;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.SettingTable;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SourceKeys;
import org.tsnext.server.settings.WorkerKeys;
import org.tsnext.server.tokens.Tokens;
import org.tsnext.transport.Transport;
import org.tsnext.worker.environment.ProcessEnvironment;
import org.tsnext.worker.process.WorkerSettings;

/** Turns the settings of the server into those of its modules. */
final class ModuleSettings {
  /** One-message limits are ints that leave room for headers beside the body. */
  private static final int MAX_BODY = Integer.MAX_VALUE - (4 << 20);

  /** The other half is for the workers. Few loops also mean few ways from one to another. */
  private static final int CPUS_PER_LOOP = 2;

  private final Settings settings;
  private final int cpus;
  private final Descriptors.Shares descriptors;

  /**
   * @param cpus processors of this machine
   */
  ModuleSettings(Settings settings, int cpus) {
    this.settings = settings;
    this.cpus = cpus;
    this.descriptors =
        Descriptors.ofThisProcess(eventLoopThreads())
            .share(
                new Descriptors.Connections(
                    settings.get(ListenerKeys.INFERENCE_MAX_CONNECTIONS),
                    settings.get(ListenerKeys.INFERENCE_MAX_CONNECTIONS),
                    settings.get(ListenerKeys.MANAGEMENT_MAX_CONNECTIONS),
                    settings.get(ListenerKeys.METRICS_MAX_CONNECTIONS)),
                settings.get(GrpcKeys.ENABLE_GRPC_API));
  }

  /** Of this process, shared out to its listeners. */
  Descriptors.Shares descriptors() {
    return descriptors;
  }

  int eventLoopThreads() {
    int configured = settings.get(ListenerKeys.NUMBER_OF_NETTY_THREADS);
    return configured > 0 ? configured : Math.max(1, cpus / CPUS_PER_LOOP);
  }

  /** Threads for slow work of one kind, such as TLS handshakes. */
  int fewThreads() {
    return Math.max(1, cpus / 2);
  }

  /** Who may connect to the Unix sockets of listeners. */
  Set<PosixFilePermission> unixMode() {
    return PosixFilePermissions.fromString(
        switch (settings.get(ListenerKeys.UNIX_SOCKET_MODE)) {
          case "0660" -> "rw-rw----";
          case "0666" -> "rw-rw-rw-";
          default -> "rw-------";
        });
  }

  /** How workers are to be connected. */
  Sockets workerSockets(Transport transport) {
    Optional<String> chosen = settings.find(WorkerKeys.WORKER_TRANSPORT);
    if (!transport.supportsUnixSockets() || chosen.equals(Optional.of("tcp"))) {
      return Sockets.TCP;
    }
    return chosen.isPresent() ? Sockets.UNIX : Sockets.UNIX_IF_THEY_FIT;
  }

  /** GPUs to use, of those that were found. */
  int gpus(int detected) {
    return settings
        .find(WorkerKeys.NUMBER_OF_GPU)
        .map(most -> Math.min(most, detected))
        .orElse(detected);
  }

  UnpackLimits unpackLimits() {
    UnpackLimits defaults = UnpackLimits.defaults();
    return new UnpackLimits(
        settings.get(ModelKeys.UNPACK_MAX_BYTES),
        settings.get(ModelKeys.UNPACK_MAX_ENTRIES),
        defaults.maxNameBytes(),
        defaults.maxRatio(),
        defaults.ratioFloorBytes());
  }

  /**
   * @param cache folder for downloaded archives
   * @param environment the server's own
   */
  RemoteSettings remote(Path cache, Map<String, String> environment) {
    return new RemoteSettings(
        new AllowedUrls(settings.find(SourceKeys.ALLOWED_URLS).orElse(List.of())),
        settings.find(SourceKeys.ALLOWED_PRIVATE_HOSTS).orElse(List.of()),
        new DownloadLimits(
            settings.get(SourceKeys.MODEL_DOWNLOAD_MAX_BYTES),
            settings.get(SourceKeys.MODEL_DOWNLOAD_CONNECT_TIMEOUT),
            settings.get(SourceKeys.MODEL_DOWNLOAD_READ_TIMEOUT),
            settings.get(SourceKeys.MODEL_DOWNLOAD_TIMEOUT)),
        cache,
        environment);
  }

  ServingSettings serving(int gpus) {
    ServingSettings defaults = ServingSettings.defaults(gpus, cpus);
    int workers = settings.get(WorkerKeys.DEFAULT_WORKERS_PER_MODEL);
    return new ServingSettings(
        new ServingSettings.ModelDefaults(
            settings.get(WorkerKeys.JOB_QUEUE_SIZE),
            workers > 0 ? OptionalInt.of(workers) : OptionalInt.empty(),
            settings.find(ModelKeys.DEFAULT_SERVICE_HANDLER),
            settings.find(ModelKeys.SERVICE_ENVELOPE),
            settings.get(ServerKeys.COMPATIBILITY)),
        new ServingSettings.ServerTimeouts(
            settings.get(WorkerKeys.DEFAULT_RESPONSE_TIMEOUT),
            settings.get(WorkerKeys.DEFAULT_STARTUP_TIMEOUT),
            settings.get(WorkerKeys.UNREGISTER_MODEL_TIMEOUT),
            defaults.timeouts().maxRetry()),
        new ServingSettings.HeartbeatPlan(
            defaults.heartbeat().interval(), defaults.heartbeat().timeout()),
        new ServingSettings.Machine(gpus, cpus),
        settings.get(WorkerKeys.INITIAL_WORKER_PORT),
        sequenceHeaders(settings),
        settings.find(ModelKeys.MODELS).orElse(ModelsProperty.NONE).byModel());
  }

  /** By which handlers know sequences. */
  static SequenceHeaders sequenceHeaders(Settings settings) {
    return new SequenceHeaders(
        settings.get(WorkerKeys.SEQUENCE_ID),
        settings.get(WorkerKeys.SEQUENCE_START),
        settings.get(WorkerKeys.SEQUENCE_END));
  }

  ProcessEnvironment processEnvironment(Map<String, String> environment) {
    return new ProcessEnvironment(
        environment, settings.find(WorkerKeys.BLACKLIST_ENV_VARS), secretVariables());
  }

  WorkerSettings workers(
      Path packageDirectory,
      Path socketFolder,
      boolean unixSockets,
      ProcessEnvironment environment) {
    return new WorkerSettings(
        new WorkerSettings.PythonSettings(
            settings.get(ServerKeys.PYTHON),
            packageDirectory,
            environment,
            SnapshotFolder.below(Optional.ofNullable(environment.inherited().get("LOG_LOCATION")))
                .resolve("imports"),
            new WorkerSettings.OwnCores(
                settings.get(WorkerKeys.CPU_LAUNCHER_ENABLE),
                settings.find(WorkerKeys.CPU_LAUNCHER_ARGS).orElse(""))),
        new WorkerSettings.SocketFolder(socketFolder, unixSockets),
        new WorkerSettings.HandlerSettings(
            new WorkerSettings.HandlerSwitches(
                settings.get(WorkerKeys.DECODE_INPUT_REQUEST),
                settings.get(WorkerKeys.LIMIT_MAX_IMAGE_PIXELS),
                settings.get(WorkerKeys.IPEX_ENABLE),
                settings.get(WorkerKeys.IPEX_GPU_ENABLE),
                settings.get(WorkerKeys.MAX_IMAGE_PIXELS),
                settings.get(WorkerKeys.JSON_NAN),
                settings.get(ServerKeys.COMPATIBILITY).isOriginal(Deviation.HANDLER_TIMES)),
            sequenceHeaders(settings),
            metricsConfig(packageDirectory)),
        new WorkerSettings.BodyLimits(
            maxRequestSize(), Math.min(settings.get(ListenerKeys.MAX_RESPONSE_SIZE), MAX_BODY)));
  }

  /** Names of the variables that hold secrets of the server, whether or not it looks at them. */
  private Set<String> secretVariables() {
    Set<String> names = new HashSet<>(settings.secretVariables());
    names.addAll(TlsSettings.referredVariables(settings));
    SettingTable.keys().stream()
        .filter(SettingKey::secret)
        .forEach(key -> names.add(key.environment().variable()));
    return names;
  }

  /** Whether clients need tokens. */
  boolean tokensOn() {
    return !settings.get(SecurityKeys.DISABLE_TOKEN_AUTHORIZATION);
  }

  /** What needs no token. Clients of KServe have none, and ask for predictions only. */
  static Set<Access> tokenFree(Settings settings) {
    Set<String> free = settings.get(SecurityKeys.TOKEN_FREE_ROUTES);
    Set<Access> open = EnumSet.noneOf(Access.class);
    if (free.contains(SecurityKeys.PROBES)) {
      open.add(Access.PROBE);
    }
    if (free.contains(SecurityKeys.DESCRIPTIONS)) {
      open.add(Access.DESCRIPTION);
    }
    if (free.contains(SecurityKeys.METRICS)) {
      open.add(Access.METRICS);
    }
    if (settings.kserve().on()) {
      open.add(Access.INFERENCE);
    }
    return open;
  }

  /**
   * @param tokens empty if clients need none
   */
  AccessSettings access(Optional<Tokens> tokens) {
    return new AccessSettings(
        tokens.map(
            made ->
                new TokenSettings(
                    made.tokens(),
                    made.rotates() ? Optional.<TokenRotation>of(made) : Optional.empty(),
                    tokenFree(settings),
                    settings.get(SecurityKeys.TOKEN_FAILURES_AS_400))),
        new HostSettings(allowedHosts(settings)),
        new ConnectionLimits(
            descriptors.allowed().inference(),
            descriptors.allowed().management(),
            descriptors.allowed().metrics(),
            settings.get(ListenerKeys.CONNECTION_IDLE_TIMEOUT),
            settings.get(ListenerKeys.REQUEST_READ_TIMEOUT)));
  }

  HttpSettings http(
      SocketSettings sockets,
      AccessSettings access,
      Supplier<List<String>> startUpModels,
      OpenInferenceSettings openInference) {
    return new HttpSettings(
        new HttpSettings.Addresses(
            settings.get(ListenerKeys.INFERENCE_ADDRESS),
            settings.get(ListenerKeys.MANAGEMENT_ADDRESS),
            Optional.of(settings.get(ListenerKeys.METRICS_ADDRESS))
                .filter(address -> settings.get(ListenerKeys.ENABLE_METRICS_API)),
            Optional.<ListenAddress>of(KServe.HTTP).filter(address -> settings.kserve().on())),
        sockets,
        new HttpSettings.BodySettings(
            maxRequestSize(),
            Math.toIntExact(settings.get(ListenerKeys.STREAM_BUFFER_SIZE)),
            bodyMemory()),
        cors(settings),
        access,
        new HttpSettings.ApiSettings(
            settings.get(ModelKeys.ENABLE_MODEL_API),
            errors(settings),
            Version.current(),
            startUpModels,
            openInference));
  }

  /** Whether the Open Inference Protocol has more than predictions. */
  static boolean openInference(Settings settings) {
    return settings.get(ListenerKeys.TS_OPEN_INFERENCE_PROTOCOL) || settings.kserve().on();
  }

  /** How errors look, over every transport. */
  static ErrorForm errors(Settings settings) {
    return new ErrorForm(
        settings.get(ListenerKeys.ERROR_DETAIL), settings.get(ServerKeys.COMPATIBILITY));
  }

  private static CorsSettings cors(Settings settings) {
    return new CorsSettings(
        settings.find(ListenerKeys.CORS_ALLOWED_ORIGIN),
        settings.find(ListenerKeys.CORS_ALLOWED_METHODS),
        settings.find(ListenerKeys.CORS_ALLOWED_HEADERS),
        settings.find(ListenerKeys.CORS_MAX_AGE));
  }

  private static List<String> allowedHosts(Settings settings) {
    return settings.find(SecurityKeys.ALLOWED_HOSTS).orElse(List.of()).stream()
        .map(name -> name.toLowerCase(Locale.ROOT))
        .toList();
  }

  /** Of which origins web pages may use the server, over every transport. */
  static AllowedPages allowedPages(Settings settings) {
    return new AllowedPages(cors(settings).origins(), allowedHosts(settings));
  }

  /** Room for one body there is always. */
  private long bodyMemory() {
    long configured = settings.get(ListenerKeys.BODY_MEMORY_BYTES);
    long bytes = configured > 0 ? configured : Runtime.getRuntime().maxMemory() / 2;
    return Math.max(bytes, maxRequestSize());
  }

  Duration drainTimeout() {
    return settings.get(WorkerKeys.SHUTDOWN_DRAIN_TIMEOUT);
  }

  /** How long a server serves on, and finishes what is in flight, when it stops. */
  static Duration stopTime(Settings settings) {
    return settings
        .get(WorkerKeys.SHUTDOWN_DELAY)
        .plus(settings.get(WorkerKeys.SHUTDOWN_DRAIN_TIMEOUT));
  }

  /** The folder of the Python package {@code ts}. */
  Path packageDirectory() throws StartException {
    Path home =
        settings
            .find(ServerKeys.MODEL_SERVER_HOME)
            .orElseThrow(
                () ->
                    new StartException(
                        "Invalid configuration: model_server_home is not set: expected the directory"
                            + " above the Python package ts, or the option --ts-home"));
    Path directory = home.resolve("ts");
    if (!Files.isDirectory(directory)) {
      throw new StartException(
          "Invalid configuration: model_server_home = %s (%s): expected a directory with the Python package ts in it"
              .formatted(home, settings.source(ServerKeys.MODEL_SERVER_HOME)));
    }
    return directory;
  }

  /** The definitions of metrics, unless there are none at all. */
  Optional<Path> metricsConfig(Path packageDirectory) {
    Path ours = packageDirectory.resolve("configs").resolve("metrics.yaml");
    return settings
        .find(ServerKeys.METRICS_CONFIG)
        .or(() -> Files.isRegularFile(ours) ? Optional.of(ours) : Optional.empty());
  }

  /**
   * How the machine is looked at.
   *
   * @param gpus how many the server uses
   */
  SystemMetricsPlan systemMetrics(Path packageDirectory, ProcessEnvironment environment, int gpus) {
    return new SystemMetricsPlan(
        settings.get(ServerKeys.METRIC_TIME_INTERVAL),
        settings.find(ServerKeys.SYSTEM_METRICS_CMD).filter(words -> !words.isBlank()),
        settings.get(ServerKeys.PYTHON),
        packageDirectory.getParent(),
        environment,
        gpus);
  }

  /** Bytes of a request, at most. */
  int maxRequestSize() {
    return Math.min(settings.get(ListenerKeys.MAX_REQUEST_SIZE), MAX_BODY);
  }
}
