package org.tsnext.core.model;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the server's configuration decides about serving. Immutable; checked on construction.
 *
 * @param jobQueueSize requests that may wait per model version, unless its own file says otherwise
 * @param defaultWorkersPerModel {@code default_workers_per_model}, if it was set. Unset means no
 *     workers for a registration over the API, and one per GPU (else per CPU) at start-up
 * @param responseTimeout default of how long a worker may be silent on what it runs
 * @param startupTimeout default of how long a worker may take from its start until it has loaded
 * @param unregisterTimeout how long leaving workers may finish what they run
 * @param maxRetryTimeout default recovery window of a failing worker; zero means no restart
 * @param heartbeatInterval how often an idle worker is asked for a sign of life
 * @param heartbeatTimeout how long it may take for that
 * @param gpuCount GPUs that models may use
 * @param cpuCount processors of this machine, at least 1
 * @param defaultHandler {@code default_service_handler}
 * @param serviceEnvelope {@code service_envelope}, for every model, whatever its manifest names
 * @param initialWorkerPort the lowest worker id
 * @param sequenceHeaders names of the request headers of sequences
 * @param modelOverrides the {@code models} property: model name, then version
 */
public record ServingSettings(
    int jobQueueSize,
    OptionalInt defaultWorkersPerModel,
    Duration responseTimeout,
    Duration startupTimeout,
    Duration unregisterTimeout,
    Duration maxRetryTimeout,
    Duration heartbeatInterval,
    Duration heartbeatTimeout,
    int gpuCount,
    int cpuCount,
    Optional<String> defaultHandler,
    Optional<String> serviceEnvelope,
    int initialWorkerPort,
    SequenceHeaders sequenceHeaders,
    Map<String, Map<String, ModelOverrides>> modelOverrides) {

  /** Upper bound of every number of workers. */
  public static final int MAX_WORKERS = 4096;

  /** Upper bound of the requests of a batch. */
  public static final int MAX_BATCH_SIZE = 4096;

  /** Upper bound of the time that a batch waits for more. */
  public static final Duration MAX_BATCH_DELAY = Duration.ofHours(1);

  public ServingSettings {
    requireRange("job_queue_size", jobQueueSize, 1, Integer.MAX_VALUE);
    if (defaultWorkersPerModel.isPresent()) {
      requireRange("default_workers_per_model", defaultWorkersPerModel.getAsInt(), 0, MAX_WORKERS);
    }
    requirePositive("default_response_timeout", responseTimeout);
    requirePositive("default_startup_timeout", startupTimeout);
    requirePositive("heartbeat interval", heartbeatInterval);
    requirePositive("heartbeat timeout", heartbeatTimeout);
    requireNotNegative("unregister_model_timeout", unregisterTimeout);
    requireNotNegative("maxRetryTimeoutInSec", maxRetryTimeout);
    requireRange("number_of_gpu", gpuCount, 0, Integer.MAX_VALUE);
    requireRange("number of processors", cpuCount, 1, Integer.MAX_VALUE);
    requireRange("initial_worker_port", initialWorkerPort, 0, Integer.MAX_VALUE - MAX_WORKERS);
    Objects.requireNonNull(defaultHandler, "defaultHandler");
    Objects.requireNonNull(sequenceHeaders, "sequenceHeaders");
    Objects.requireNonNull(serviceEnvelope, "serviceEnvelope");
    Map<String, Map<String, ModelOverrides>> copy = new LinkedHashMap<>();
    modelOverrides.forEach((name, versions) -> copy.put(name, Map.copyOf(versions)));
    modelOverrides = Collections.unmodifiableMap(copy);
  }

  /** The defaults of an empty configuration, on a machine with that many GPUs and processors. */
  public static ServingSettings defaults(int gpuCount, int cpuCount) {
    return new ServingSettings(
        100,
        OptionalInt.empty(),
        Duration.ofSeconds(120),
        Duration.ofSeconds(120),
        Duration.ofSeconds(120),
        Duration.ofSeconds(300),
        Duration.ofSeconds(10),
        Duration.ofSeconds(20),
        gpuCount,
        cpuCount,
        Optional.empty(),
        Optional.empty(),
        9000,
        SequenceHeaders.DEFAULT,
        Map.of());
  }

  /** What the {@code models} property says of a version, {@link ModelOverrides#NONE} if nothing. */
  public ModelOverrides overridesOf(String modelName, String modelVersion) {
    return modelOverrides
        .getOrDefault(modelName, Map.of())
        .getOrDefault(modelVersion, ModelOverrides.NONE);
  }

  /** Workers of a model that is loaded at start-up and says nothing of its own. */
  public int startupWorkers() {
    return defaultWorkersPerModel.orElse(gpuCount > 0 ? gpuCount : cpuCount);
  }

  private static void requireRange(String key, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          key + " is " + value + ", expected " + min + " to " + max + ".");
    }
  }

  private static void requirePositive(String key, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(key + " is " + value + ", expected more than zero.");
    }
  }

  private static void requireNotNegative(String key, Duration value) {
    if (value.isNegative()) {
      throw new IllegalArgumentException(key + " is " + value + ", expected zero or more.");
    }
  }
}
