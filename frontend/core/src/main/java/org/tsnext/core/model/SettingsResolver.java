package org.tsnext.core.model;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.archive.ModelConfig.WorkerStart;
import org.tsnext.archive.ModelNames;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Works out what holds for a model version: registration, then model-config.yaml, then the {@code
 * models} property, then the server's defaults. Refuses what cannot be served, naming the key.
 */
final class SettingsResolver {

  private static final Logger LOGGER = LoggerFactory.getLogger(SettingsResolver.class);

  private static final Duration DEFAULT_BATCH_DELAY = Duration.ofMillis(100);

  private final ServingSettings server;

  SettingsResolver(ServingSettings server) {
    this.server = Objects.requireNonNull(server, "server");
  }

  /**
   * The settings of the version that {@code order} registers.
   *
   * @throws ServingException if the order or the model's own configuration cannot be followed
   */
  ModelSettings resolve(RegisterModel order, ModelArchive archive) {
    Optional<Manifest> manifest = archive.manifest();
    String name = requireName(order, nameOf(order, archive));
    String version =
        Names.requireVersion(
            ErrorKind.INVALID_MODEL, manifest.flatMap(Manifest::modelVersion).orElse("1.0"));
    ModelConfig config = archive.config();
    ModelOverrides overrides = server.overridesOf(name, version);
    String runtime = runtimeOf(order, overrides, manifest);
    refuseUnsupported(name, config, runtime);
    String given = order.trusted() ? Choice.SNAPSHOT : Choice.REQUEST;
    List<Integer> devices = usesGpu(config) ? ownDevices(name, config) : List.of();
    Choice<Workers> asked = workersOf(given, order, config, overrides);
    Choice<Workers> workers =
        new Choice<>(withinDevices(name, asked.value(), devices, config), asked.source());
    Choice<Integer> batchSize = batchSizeOf(given, order, config, overrides);
    Choice<Duration> batchDelay = batchDelayOf(given, order, config, overrides);
    Choice<Duration> responseTimeout =
        timeoutOf(
            "response_timeout",
            Choice.of(given, order.responseTimeout())
                .or(Choice.MODEL_CONFIG, config.responseTimeout())
                .or(Choice.MODELS, overrides.responseTimeout())
                .orElse("default_response_timeout", server.responseTimeout()));
    Choice<Duration> startupTimeout =
        timeoutOf(
            "startup_timeout",
            Choice.of(given, order.startupTimeout())
                .or(Choice.MODEL_CONFIG, config.startupTimeout())
                .or(Choice.MODELS, overrides.startupTimeout())
                .orElse("default_startup_timeout", server.startupTimeout()));
    Choice<Duration> maxRetryTimeout =
        Choice.of(Choice.MODEL_CONFIG, config.maxRetryTimeout())
            .orElse(Choice.DEFAULT, server.maxRetryTimeout());
    Choice<Duration> clientTimeout =
        Choice.of(Choice.MODEL_CONFIG, config.clientTimeout())
            .orElse(Choice.DEFAULT, Duration.ZERO);
    Choice<Integer> queueCapacity =
        Choice.of(Choice.MODEL_CONFIG, Choice.boxed(config.jobQueueSize()))
            .orElse("job_queue_size", server.jobQueueSize());
    Map<String, String> sources = new LinkedHashMap<>();
    sources.put("minWorkers", workers.source());
    sources.put("maxWorkers", workers.source());
    sources.put(
        "batchSize", config.asyncCommunication() ? "asyncCommunication" : batchSize.source());
    sources.put("maxBatchDelay", batchDelay.source());
    sources.put("responseTimeout", responseTimeout.source());
    sources.put("startupTimeout", startupTimeout.source());
    sources.put("maxRetryTimeoutInSec", maxRetryTimeout.source());
    sources.put("clientTimeoutInMills", clientTimeout.source());
    sources.put("jobQueueSize", queueCapacity.source());
    return new ModelSettings(
        name,
        version,
        archive.url(),
        runtime,
        handlerOf(name, order, manifest),
        server.serviceEnvelope().or(() -> manifest.flatMap(Manifest::envelope)),
        workers.value().min(),
        workers.value().max(),
        // Coroutine handlers get their requests one by one, and run them side by side.
        config.asyncCommunication() ? 1 : batchSize.value(),
        batchDelay.value(),
        order.maxBatchDelay().isEmpty() && config.adaptiveBatchDelay(),
        responseTimeout.value(),
        startupTimeout.value(),
        maxRetryTimeout.value(),
        clientTimeout.value(),
        queueCapacity.value(),
        usesGpu(config),
        devices,
        order.trusted(),
        config,
        sources,
        order);
  }

  /** Names that mean something else in paths still load where they have been in use before. */
  private static String requireName(RegisterModel order, String name) {
    ErrorKind kind =
        order.modelName().isPresent() ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_MODEL;
    Names.requireName(kind, name);
    if (Names.isReserved(name)) {
      if (!order.trusted() && !order.restored()) {
        throw Names.reserved(kind, name);
      }
      LOGGER.warn(
          "The name of model {} is a word of the server's own paths, so that some routes do not"
              + " reach it, and it cannot be registered over the API; give it another one",
          name);
    }
    return name;
  }

  private static String nameOf(RegisterModel order, ModelArchive archive) {
    return order
        .modelName()
        .or(() -> archive.manifest().flatMap(Manifest::modelName))
        .or(
            () ->
                order.trusted()
                    ? Optional.of(ModelNames.fromUrl(archive.fileName()))
                    : Optional.empty())
        .orElseThrow(
            () -> new ServingException(ErrorKind.INVALID_MODEL, "Model name is not defined."));
  }

  private String handlerOf(String name, RegisterModel order, Optional<Manifest> manifest) {
    return order
        .handler()
        .or(() -> manifest.flatMap(Manifest::handler))
        .or(server::defaultHandler)
        .orElseThrow(
            () ->
                new ServingException(
                    ErrorKind.INVALID_MODEL,
                    "No handler is defined for model "
                        + name
                        + ": neither the call, nor the manifest, nor default_service_handler names"
                        + " one."));
  }

  private static String runtimeOf(
      RegisterModel order, ModelOverrides overrides, Optional<Manifest> manifest) {
    String runtime =
        order
            .runtime()
            .or(overrides::runtime)
            .or(() -> manifest.map(Manifest::runtime))
            .orElse("python");
    if (!Manifest.isRuntime(runtime)) {
      throw new ServingException(ErrorKind.INVALID_MODEL, "Runtime is not defined or invalid.")
          .withDetail("The manifest says " + runtime + ", expected python, python3 or LSP.");
    }
    return runtime;
  }

  private void refuseUnsupported(String name, ModelConfig config, String runtime) {
    if (config.sequenceBatching() && config.sequenceMaxIdle().isZero()) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL,
          "Model "
              + name
              + " sets sequenceBatching without sequenceMaxIdleMSec, expected more than 0.");
    }
    refuse(name, runtime.equals("LSP"), "runtime LSP");
    if (config.preloadModel()) {
      requirePreloadable(name, config);
    }
    config
        .parallelType()
        .ifPresent(
            type -> refuse(name, type != ParallelType.CUSTOM, "parallelType " + type.yamlName()));
  }

  /** A model on a GPU, or one that needs an event loop, cannot be shared by forks. */
  private void requirePreloadable(String name, ModelConfig config) {
    refusePreload(
        name,
        usesGpu(config),
        "its workers run on GPUs, whose state a fork does not take along; set deviceType: cpu");
    refusePreload(
        name,
        config.asyncCommunication(),
        "asyncCommunication binds what the handler makes to the event loop of one process");
    refusePreload(
        name,
        config.workerStart() == WorkerStart.SPAWN,
        "workerStart is spawn, which gives each worker a Python of its own; expected fork");
  }

  private static void refusePreload(String name, boolean impossible, String reason) {
    if (impossible) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL, "Model " + name + " sets preloadModel, but " + reason + ".");
    }
  }

  private static void refuse(String name, boolean asked, String key) {
    if (asked) {
      throw new ServingException(
          ErrorKind.NOT_SUPPORTED,
          "Model " + name + " asks for " + key + ", which is not supported yet.");
    }
  }

  private static Choice<Integer> batchSizeOf(
      String given, RegisterModel order, ModelConfig config, ModelOverrides overrides) {
    Choice<Integer> size =
        Choice.of(given, Choice.boxed(order.batchSize()))
            .or(Choice.MODEL_CONFIG, Choice.boxed(config.batchSize()))
            .or(Choice.MODELS, Choice.boxed(overrides.batchSize()))
            .orElse(Choice.DEFAULT, 1);
    if (size.value() < 1 || size.value() > ServingSettings.MAX_BATCH_SIZE) {
      throw new ServingException(
          kindFor(order.batchSize().isPresent()),
          (order.batchSize().isPresent() ? "batch_size" : "batchSize")
              + " is "
              + size.value()
              + ", expected 1 to "
              + ServingSettings.MAX_BATCH_SIZE
              + ".");
    }
    return size;
  }

  private static Choice<Duration> batchDelayOf(
      String given, RegisterModel order, ModelConfig config, ModelOverrides overrides) {
    // A delay that is learned is a value, too, though it has no number.
    Optional<Duration> configured =
        config.adaptiveBatchDelay() ? Optional.of(DEFAULT_BATCH_DELAY) : config.maxBatchDelay();
    Choice<Duration> delay =
        Choice.of(given, order.maxBatchDelay())
            .or(Choice.MODEL_CONFIG, configured)
            .or(Choice.MODELS, overrides.maxBatchDelay())
            .orElse(Choice.DEFAULT, DEFAULT_BATCH_DELAY);
    if (delay.value().isNegative()
        || delay.value().compareTo(ServingSettings.MAX_BATCH_DELAY) > 0) {
      throw new ServingException(
          kindFor(order.maxBatchDelay().isPresent()),
          "The maximum batch delay is "
              + delay.value().toMillis()
              + " ms, expected 0 to "
              + ServingSettings.MAX_BATCH_DELAY.toMillis()
              + " ms.");
    }
    return delay;
  }

  /** Only an order can say zero or less; the other places were checked when they were read. */
  private static Choice<Duration> timeoutOf(String key, Choice<Duration> timeout) {
    if (timeout.value().isNegative() || timeout.value().isZero()) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          key + " is " + timeout.value().toSeconds() + " s, expected more than 0.");
    }
    return timeout;
  }

  private Choice<Workers> workersOf(
      String given, RegisterModel order, ModelConfig config, ModelOverrides overrides) {
    OptionalInt ordered = order.initialWorkers();
    if (ordered.isPresent()
        && (ordered.getAsInt() < 0 || ordered.getAsInt() > ServingSettings.MAX_WORKERS)) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "initial_workers is "
              + ordered.getAsInt()
              + ", expected 0 to "
              + ServingSettings.MAX_WORKERS
              + ".");
    }
    Choice.Among<Workers> chosen =
        Choice.of(given, Workers.exactly(ordered))
            .or(
                Choice.MODEL_CONFIG,
                Workers.of(Choice.MODEL_CONFIG, config.minWorkers(), config.maxWorkers()));
    if (order.trusted()) {
      chosen =
          chosen.or(
              Choice.MODELS,
              Workers.of(Choice.MODELS, overrides.minWorkers(), overrides.maxWorkers()));
    }
    int number =
        order.trusted() ? server.startupWorkers() : server.defaultWorkersPerModel().orElse(0);
    return chosen.orElse("default_workers_per_model", new Workers(number, number));
  }

  /** Whose mistake a bad value is: the caller's, or the model's. */
  private static ErrorKind kindFor(boolean ordered) {
    return ordered ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_MODEL;
  }

  private boolean usesGpu(ModelConfig config) {
    return server.gpuCount() > 0 && config.deviceType().orElse(DeviceType.GPU) == DeviceType.GPU;
  }

  /** As many workers as there are devices for. */
  private Workers withinDevices(
      String name, Workers wanted, List<Integer> devices, ModelConfig config) {
    int each = ModelSettings.devicesPerWorker(usesGpu(config), config);
    if (each == 0) {
      return wanted;
    }
    int most = devices.size() / each;
    if (most == 0) {
      throw new ServingException(
              ErrorKind.NOT_ENOUGH_DEVICES,
              "No enough gpu devices for model:%s parallelLevel:%d".formatted(name, each))
          .withDetail("It may use " + devices.size() + " GPUs.");
    }
    if (wanted.max() > most) {
      LOGGER.warn(
          "Model {}: {} workers at most, since each takes {} of {} GPUs",
          name,
          most,
          each,
          devices.size());
    }
    return new Workers(Math.min(wanted.min(), most), Math.min(wanted.max(), most));
  }

  /**
   * One id that does not exist voids the list, as in TorchServe 0.12. Empty to share the GPUs of
   * all; a model whose workers take several has all for itself.
   */
  private List<Integer> ownDevices(String name, ModelConfig config) {
    boolean valid = config.deviceIds().stream().allMatch(id -> id >= 0 && id < server.gpuCount());
    if (!valid) {
      LOGGER.warn(
          "Model {}: deviceIds {} is ignored: expected numbers below {}, the number of GPUs",
          name,
          config.deviceIds(),
          server.gpuCount());
    }
    if (valid && !config.deviceIds().isEmpty()) {
      return config.deviceIds();
    }
    boolean groups = ModelSettings.devicesPerWorker(true, config) > 0;
    return groups ? IntStream.range(0, server.gpuCount()).boxed().toList() : List.of();
  }

  private record Workers(int min, int max) {

    static Optional<Workers> exactly(OptionalInt number) {
      return number.isEmpty()
          ? Optional.empty()
          : Optional.of(new Workers(number.getAsInt(), number.getAsInt()));
    }

    /** A minimum of at least one, with a maximum that is not below it. */
    static Optional<Workers> of(String where, OptionalInt min, OptionalInt max) {
      if (min.isEmpty() || min.getAsInt() < 1) {
        return Optional.empty();
      }
      int most = max.orElse(min.getAsInt());
      if (Math.max(min.getAsInt(), most) > ServingSettings.MAX_WORKERS) {
        throw new ServingException(
            ErrorKind.INVALID_MODEL,
            "%s asks for %d to %d workers, expected at most %d."
                .formatted(where, min.getAsInt(), most, ServingSettings.MAX_WORKERS));
      }
      return most < min.getAsInt()
          ? Optional.empty()
          : Optional.of(new Workers(min.getAsInt(), most));
    }
  }
}
