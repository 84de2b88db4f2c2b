package org.tsnext.core.model;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelNames;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.Batching;
import org.tsnext.core.settings.Devices;
import org.tsnext.core.settings.QueueLimits;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;
import org.tsnext.core.settings.WorkerRange;

/**
 * Works out what holds for a model version: registration, then model-config.yaml, then the {@code
 * models} property, then the server's defaults. Refuses what cannot be served, naming the key.
 */
final class SettingsResolver {

  private static final Logger LOGGER = LoggerFactory.getLogger(SettingsResolver.class);

  private final ServingSettings server;
  private final DeviceAssignment assignment;
  private final ServableModel servable;
  private final Predicate<String> registered;

  /**
   * @param registered whether a model of that name is registered, in any version
   */
  SettingsResolver(ServingSettings server, Predicate<String> registered) {
    this.server = Objects.requireNonNull(server, "server");
    this.registered = Objects.requireNonNull(registered, "registered");
    this.assignment = new DeviceAssignment(server.machine().gpuCount());
    this.servable = new ServableModel(assignment);
  }

  /**
   * What is to hold for the version that {@code registration} registers.
   *
   * @throws ServingException if the order or the model's own configuration cannot be followed
   */
  VersionSpec resolve(RegisterModel registration, ModelArchive archive) {
    Optional<Manifest> manifest = archive.manifest();
    String name = requireName(registration, nameOf(registration, archive));
    String version =
        Names.requireVersion(
            ErrorKind.INVALID_MODEL, manifest.flatMap(Manifest::modelVersion).orElse("1.0"));
    ModelConfig config = archive.config();
    ModelOverrides overrides = overridesOf(name, version);
    String runtime = runtimeOf(registration, overrides, manifest);
    servable.require(name, config, runtime);
    VersionSettings settings =
        settingsOf(
            name,
            new SettingSources(
                registration, config, overrides, configWins(registration, manifest)));
    return new VersionSpec(
        new VersionSpec.Model(
            new VersionId(name, version),
            registration.origin().part() == RegisterModel.Part.WORKFLOW_FUNCTION
                ? ""
                : archive.url(),
            runtime,
            handlerOf(name, registration, manifest),
            server.modelDefaults().envelope().or(() -> manifest.flatMap(Manifest::envelope))),
        settings,
        registration);
  }

  /**
   * What the {@code models} property says of a version. Where it names one version of the model, it
   * means the first one, whatever that is called in the archive: SageMaker's toolkit says 1.0 of
   * archives that say 1.
   */
  private ModelOverrides overridesOf(String name, String version) {
    Map<String, ModelOverrides> versions = server.modelOverrides().getOrDefault(name, Map.of());
    ModelOverrides exact = versions.get(version);
    if (exact != null || versions.size() != 1 || registered.test(name)) {
      return exact == null ? ModelOverrides.NONE : exact;
    }
    Map.Entry<String, ModelOverrides> only = versions.entrySet().iterator().next();
    LOGGER.warn(
        "The setting models names version {} of model {}, which has version {}; the settings of that"
            + " one version hold for it",
        only.getKey(),
        name,
        version);
    return only.getValue();
  }

  private boolean configWins(RegisterModel registration, Optional<Manifest> manifest) {
    return !registration.origin().trusted()
        && manifest.flatMap(packed -> packed.files().configFile()).isPresent()
        && server.modelDefaults().compatibility().isOriginal(Deviation.REGISTRATION_WINS);
  }

  /** What would hold for a version whose archive could not be read. */
  VersionSpec withoutArchive(RegisterModel registration, VersionId id, String url) {
    ModelOverrides overrides =
        server
            .modelOverrides()
            .getOrDefault(id.name(), Map.of())
            .getOrDefault(id.version(), ModelOverrides.NONE);
    return new VersionSpec(
        new VersionSpec.Model(
            id,
            url,
            registration.runtime().or(overrides::runtime).orElse("python"),
            registration.handler().orElse(""),
            Optional.empty()),
        settingsOf(
            id.name(), new SettingSources(registration, ModelConfig.none(), overrides, false)),
        registration);
  }

  private VersionSettings settingsOf(String name, SettingSources from) {
    ModelConfig config = from.config();
    Devices devices = assignment.of(name, config);
    Choice<WorkerRange> workers = WorkersChoice.of(from, server);
    WorkerRange range = DeviceAssignment.limit(name, workers.value(), devices);
    Choice<Integer> batchSize = BatchingChoice.size(from);
    Choice<Duration> batchDelay = BatchingChoice.maxDelay(from);
    TimeoutsChoice timeouts = TimeoutsChoice.of(from, server.timeouts());
    Choice<Integer> queueCapacity =
        Choice.of(Choice.MODEL_CONFIG, Choice.boxed(config.queue().capacity()))
            .orElse("job_queue_size", server.modelDefaults().jobQueueSize());
    Map<String, String> sources = new LinkedHashMap<>();
    sources.put("minWorkers", workers.source());
    sources.put("maxWorkers", workers.source());
    sources.put("batchSize", batchSize.source());
    sources.put("maxBatchDelay", batchDelay.source());
    sources.put("responseTimeout", timeouts.response().source());
    sources.put("startupTimeout", timeouts.startup().source());
    sources.put("maxRetryTimeoutInSec", timeouts.maxRetry().source());
    sources.put("clientTimeoutInMills", timeouts.client().source());
    sources.put("jobQueueSize", queueCapacity.source());
    return new VersionSettings(
        range,
        new Batching(batchSize.value(), batchDelay.value(), BatchingChoice.isAdaptive(from)),
        timeouts.values(),
        new QueueLimits(queueCapacity.value(), config.queue().useJobTicket()),
        devices,
        config,
        sources);
  }

  /** Names that mean something else in paths still load where they have been in use before. */
  private static String requireName(RegisterModel registration, String name) {
    ErrorKind kind =
        registration.modelName().isPresent() ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_MODEL;
    Names.requireName(kind, name);
    if (Names.isReserved(name)) {
      if (!registration.origin().trusted() && !registration.origin().restored()) {
        throw Names.reserved(kind, name);
      }
      LOGGER.warn(
          "The server uses the name of model {} in its own paths, so that some routes do not"
              + " reach it, and it cannot be registered over the API; give it another one",
          name);
    }
    return name;
  }

  private static String nameOf(RegisterModel registration, ModelArchive archive) {
    return registration
        .modelName()
        .or(() -> archive.manifest().flatMap(Manifest::modelName))
        .or(
            () ->
                registration.origin().trusted()
                    ? Optional.of(ModelNames.fromUrl(archive.fileName()))
                    : Optional.empty())
        .orElseThrow(
            () -> new ServingException(ErrorKind.INVALID_MODEL, "Model name is not defined."));
  }

  private String handlerOf(String name, RegisterModel registration, Optional<Manifest> manifest) {
    return registration
        .handler()
        .or(() -> manifest.flatMap(Manifest::handler))
        .or(() -> server.modelDefaults().handler())
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
      RegisterModel registration, ModelOverrides overrides, Optional<Manifest> manifest) {
    String runtime =
        registration
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
}
