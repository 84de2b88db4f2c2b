package org.tsnext.core.model;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;

/**
 * What the server's configuration decides about serving. Immutable; checked on construction.
 *
 * @param initialWorkerPort the lowest worker id
 * @param sequenceHeaders names of the request headers of sequences
 * @param modelOverrides the {@code models} property: model name, then version
 */
public record ServingSettings(
    ModelDefaults modelDefaults,
    ServerTimeouts timeouts,
    HeartbeatPlan heartbeat,
    Machine machine,
    int initialWorkerPort,
    SequenceHeaders sequenceHeaders,
    Map<String, Map<String, ModelOverrides>> modelOverrides) {

  /** Upper bound of every number of workers. */
  public static final int MAX_WORKERS = 4096;

  /** Upper bound of the requests of a batch. */
  public static final int MAX_BATCH_SIZE = 4096;

  /** Upper bound of the time that a batch waits for more. */
  public static final Duration MAX_BATCH_DELAY = Duration.ofHours(1);

  /**
   * What holds for a model that says nothing of its own.
   *
   * @param jobQueueSize requests that may wait per model version
   * @param workers {@code default_workers_per_model}, if it was set. Unset means no workers for a
   *     registration over the API, and one per GPU (else per CPU) at start-up
   * @param handler {@code default_service_handler}
   * @param envelope {@code service_envelope}, for every model, whatever its manifest names
   * @param compatibility whose order of sources counts
   */
  public record ModelDefaults(
      int jobQueueSize,
      OptionalInt workers,
      Optional<String> handler,
      Optional<String> envelope,
      Compatibility compatibility) {

    public ModelDefaults {
      requireRange("job_queue_size", jobQueueSize, 1, Integer.MAX_VALUE);
      if (workers.isPresent()) {
        requireRange("default_workers_per_model", workers.getAsInt(), 0, MAX_WORKERS);
      }
      Objects.requireNonNull(handler, "handler");
      Objects.requireNonNull(envelope, "envelope");
      Objects.requireNonNull(compatibility, "compatibility");
    }
  }

  /**
   * How long things may take, unless a model says otherwise.
   *
   * @param response default of how long a worker may be silent on what it runs
   * @param startup default of how long a worker may take from its start until it has loaded
   * @param unregister how long leaving workers may finish what they run
   * @param maxRetry default recovery window of a failing worker; zero means no restart
   */
  public record ServerTimeouts(
      Duration response, Duration startup, Duration unregister, Duration maxRetry) {

    public ServerTimeouts {
      requirePositive("default_response_timeout", response);
      requirePositive("default_startup_timeout", startup);
      requireNotNegative("unregister_model_timeout", unregister);
      requireNotNegative("maxRetryTimeoutInSec", maxRetry);
    }
  }

  /**
   * When idle workers are asked for a sign of life.
   *
   * @param interval how often
   * @param timeout how long it may take for that
   */
  public record HeartbeatPlan(Duration interval, Duration timeout) {

    public HeartbeatPlan {
      requirePositive("heartbeat interval", interval);
      requirePositive("heartbeat timeout", timeout);
    }
  }

  /**
   * What the machine has.
   *
   * @param gpuCount GPUs that models may use
   * @param cpuCount processors, at least 1
   */
  public record Machine(int gpuCount, int cpuCount) {

    public Machine {
      requireRange("number_of_gpu", gpuCount, 0, Integer.MAX_VALUE);
      requireRange("number of processors", cpuCount, 1, Integer.MAX_VALUE);
    }
  }

  public ServingSettings {
    Objects.requireNonNull(modelDefaults, "modelDefaults");
    Objects.requireNonNull(timeouts, "timeouts");
    Objects.requireNonNull(heartbeat, "heartbeat");
    Objects.requireNonNull(machine, "machine");
    requireRange("initial_worker_port", initialWorkerPort, 0, Integer.MAX_VALUE - MAX_WORKERS);
    Objects.requireNonNull(sequenceHeaders, "sequenceHeaders");
    Map<String, Map<String, ModelOverrides>> copy = new LinkedHashMap<>();
    modelOverrides.forEach((name, versions) -> copy.put(name, Map.copyOf(versions)));
    modelOverrides = Collections.unmodifiableMap(copy);
  }

  /** The defaults of an empty configuration, on a machine with that many GPUs and processors. */
  public static ServingSettings defaults(int gpuCount, int cpuCount) {
    return new ServingSettings(
        new ServingSettings.ModelDefaults(
            100, OptionalInt.empty(), Optional.empty(), Optional.empty(), Compatibility.NEXT),
        new ServingSettings.ServerTimeouts(
            Duration.ofSeconds(120),
            Duration.ofSeconds(120),
            Duration.ofSeconds(120),
            Duration.ofSeconds(300)),
        new ServingSettings.HeartbeatPlan(Duration.ofSeconds(10), Duration.ofSeconds(20)),
        new ServingSettings.Machine(gpuCount, cpuCount),
        9000,
        SequenceHeaders.DEFAULT,
        Map.of());
  }

  /** Workers of a model that is loaded at start-up and says nothing of its own. */
  public int startupWorkers() {
    return modelDefaults
        .workers()
        .orElse(machine.gpuCount() > 0 ? machine.gpuCount() : machine.cpuCount());
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

  /** How long what runs may go on when its version is unregistered. */
  public Duration unregisterDrain() {
    return modelDefaults.compatibility().isOriginal(Deviation.UNREGISTER_TIMEOUT)
        ? Duration.ZERO
        : timeouts.unregister();
  }
}
