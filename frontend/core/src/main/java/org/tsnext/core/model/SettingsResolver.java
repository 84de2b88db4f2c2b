package org.tsnext.core.model;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelNames;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Works out what holds for a model version: registration, then model-config.yaml, then the {@code
 * models} property, then the server's defaults. Refuses what cannot be served, naming the key.
 */
final class SettingsResolver {

  static final int LARGEST_BATCH = 4096;

  private static final Duration DEFAULT_BATCH_DELAY = Duration.ofMillis(100);
  private static final Duration LONGEST_BATCH_DELAY = Duration.ofHours(1);

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
    String name =
        Names.requireAllowed(
            order.modelName().isPresent() ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_MODEL,
            "The model name",
            nameOf(order, archive));
    String version =
        Names.requireAllowed(
            ErrorKind.INVALID_MODEL,
            "The model version",
            manifest.flatMap(Manifest::modelVersion).orElse("1.0"));
    ModelConfig config = archive.config();
    ModelOverrides overrides = server.overridesOf(name, version);
    String runtime = runtimeOf(order, overrides, manifest);
    refuseUnsupported(name, config, runtime);
    Workers workers = workersOf(order, config, overrides);
    return new ModelSettings(
        name,
        version,
        order.url(),
        runtime,
        handlerOf(name, order, manifest),
        manifest.flatMap(Manifest::envelope).or(server::serviceEnvelope),
        workers.min(),
        workers.max(),
        batchSizeOf(order, config, overrides),
        batchDelayOf(order, config, overrides),
        order.maxBatchDelay().isEmpty() && config.adaptiveBatchDelay(),
        timeoutOf(
            "response_timeout",
            order.responseTimeout(),
            config.responseTimeout().or(overrides::responseTimeout),
            server.responseTimeout()),
        timeoutOf(
            "startup_timeout",
            order.startupTimeout(),
            config.startupTimeout().or(overrides::startupTimeout),
            server.startupTimeout()),
        config.maxRetryTimeout().orElse(server.maxRetryTimeout()),
        config.clientTimeout().orElse(Duration.ZERO),
        config.jobQueueSize().orElse(server.jobQueueSize()),
        usesGpu(config),
        usesGpu(config) ? ownDevices(config) : List.of(),
        order.trusted(),
        config);
  }

  private static String nameOf(RegisterModel order, ModelArchive archive) {
    return order
        .modelName()
        .or(() -> archive.manifest().flatMap(Manifest::modelName))
        .or(() -> order.trusted() ? Optional.of(ModelNames.fromUrl(order.url())) : Optional.empty())
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
      throw new ServingException(ErrorKind.BAD_REQUEST, "Invalid RuntimeType value: " + runtime);
    }
    return runtime;
  }

  private static void refuseUnsupported(String name, ModelConfig config, String runtime) {
    if (config.sequenceBatching() && config.sequenceMaxIdle().isZero()) {
      throw new ServingException(
          ErrorKind.INVALID_MODEL,
          "Model "
              + name
              + " sets sequenceBatching without sequenceMaxIdleMSec, expected more than 0.");
    }
    refuse(name, runtime.equals("LSP"), "runtime LSP");
    refuse(
        name,
        config.sequenceBatching() && config.continuousBatching(),
        "sequenceBatching together with continuousBatching");
    refuse(name, config.preloadModel(), "preloadModel");
    refuse(name, config.parallelType().isPresent(), "parallelType");
  }

  private static void refuse(String name, boolean asked, String key) {
    if (asked) {
      throw new ServingException(
          ErrorKind.NOT_SUPPORTED,
          "Model " + name + " asks for " + key + ", which is not supported yet.");
    }
  }

  private static int batchSizeOf(
      RegisterModel order, ModelConfig config, ModelOverrides overrides) {
    order
        .batchSize()
        .ifPresent(size -> requireBatchSize(ErrorKind.BAD_REQUEST, "batch_size", size));
    int size = firstOf(order.batchSize(), config.batchSize(), overrides.batchSize()).orElse(1);
    requireBatchSize(ErrorKind.INVALID_MODEL, "batchSize", size);
    // Coroutine handlers get their requests one by one, and run them side by side.
    return config.asyncCommunication() ? 1 : size;
  }

  private static void requireBatchSize(ErrorKind kind, String key, int size) {
    if (size < 1 || size > LARGEST_BATCH) {
      throw new ServingException(
          kind, key + " is " + size + ", expected 1 to " + LARGEST_BATCH + ".");
    }
  }

  private static Duration batchDelayOf(
      RegisterModel order, ModelConfig config, ModelOverrides overrides) {
    Duration delay =
        order
            .maxBatchDelay()
            .or(config::maxBatchDelay)
            .or(overrides::maxBatchDelay)
            .orElse(DEFAULT_BATCH_DELAY);
    if (delay.isNegative() || delay.compareTo(LONGEST_BATCH_DELAY) > 0) {
      throw new ServingException(
          order.maxBatchDelay().isPresent() ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_MODEL,
          "The maximum batch delay is "
              + delay.toMillis()
              + " ms, expected 0 to "
              + LONGEST_BATCH_DELAY.toMillis()
              + " ms.");
    }
    return delay;
  }

  private static Duration timeoutOf(
      String key, Optional<Duration> ordered, Optional<Duration> configured, Duration fallback) {
    if (ordered.isPresent() && (ordered.get().isNegative() || ordered.get().isZero())) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          key + " is " + ordered.get().toSeconds() + " s, expected more than 0.");
    }
    return ordered
        .or(() -> configured.filter(set -> !set.isNegative() && !set.isZero()))
        .orElse(fallback);
  }

  private Workers workersOf(RegisterModel order, ModelConfig config, ModelOverrides overrides) {
    if (order.initialWorkers().isPresent()) {
      int number = order.initialWorkers().getAsInt();
      if (number < 0 || number > ServingSettings.MAX_WORKERS) {
        throw new ServingException(
            ErrorKind.BAD_REQUEST,
            "initial_workers is "
                + number
                + ", expected 0 to "
                + ServingSettings.MAX_WORKERS
                + ".");
      }
      return new Workers(number, number);
    }
    Optional<Workers> configured = Workers.of(config.minWorkers(), config.maxWorkers());
    if (order.trusted()) {
      int number = server.startupWorkers();
      return configured
          .or(() -> Workers.of(overrides.minWorkers(), overrides.maxWorkers()))
          .orElse(new Workers(number, number));
    }
    int number = server.defaultWorkersPerModel().orElse(0);
    return configured.orElse(new Workers(number, number));
  }

  private boolean usesGpu(ModelConfig config) {
    return server.gpuCount() > 0 && config.deviceType().orElse(DeviceType.GPU) == DeviceType.GPU;
  }

  /** One id that does not exist voids the list, as in TorchServe 0.12. */
  private List<Integer> ownDevices(ModelConfig config) {
    boolean valid = config.deviceIds().stream().allMatch(id -> id >= 0 && id < server.gpuCount());
    return valid ? config.deviceIds() : List.of();
  }

  private static OptionalInt firstOf(OptionalInt first, OptionalInt second, OptionalInt third) {
    if (first.isPresent()) {
      return first;
    }
    return second.isPresent() ? second : third;
  }

  private record Workers(int min, int max) {

    /** A minimum of at least one, with a maximum that is not below it. */
    static Optional<Workers> of(OptionalInt min, OptionalInt max) {
      if (min.isEmpty() || min.getAsInt() < 1) {
        return Optional.empty();
      }
      int most = max.orElse(min.getAsInt());
      return most < min.getAsInt() || most > ServingSettings.MAX_WORKERS
          ? Optional.empty()
          : Optional.of(new Workers(min.getAsInt(), most));
    }
  }
}
