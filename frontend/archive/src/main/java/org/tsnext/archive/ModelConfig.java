package org.tsnext.archive;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The frontend's part of a model-config.yaml. An empty value means that the file does not set the
 * key.
 *
 * @param maxBatchDelay empty too if it is adaptive
 * @param adaptiveBatchDelay {@code maxBatchDelay: adaptive}
 * @param maxRetryTimeout recovery window of a failing worker, in seconds in the file
 * @param clientTimeout {@code clientTimeoutInMills}; zero means never
 * @param retryOnWorkerDeath whether a request whose worker died is given to another one, once
 * @param maxFailuresInRow calls of the handler that may fail with no success between them, before
 *     the worker is replaced; 0 for any number
 * @param workerStart how worker processes are started
 * @param unknownKeys top-level keys that neither the frontend nor a bundled handler knows, for a
 *     warning
 * @param corrections sentences about values that are not taken as they stand, for a warning
 */
public record ModelConfig(
    OptionalInt minWorkers,
    OptionalInt maxWorkers,
    OptionalInt batchSize,
    Optional<Duration> maxBatchDelay,
    boolean adaptiveBatchDelay,
    Optional<Duration> responseTimeout,
    Optional<Duration> startupTimeout,
    Optional<DeviceType> deviceType,
    List<Integer> deviceIds,
    Optional<ParallelType> parallelType,
    int parallelLevel,
    boolean useJobTicket,
    Optional<Duration> maxRetryTimeout,
    Optional<Duration> clientTimeout,
    OptionalInt jobQueueSize,
    boolean continuousBatching,
    boolean sequenceBatching,
    boolean asyncCommunication,
    boolean useVenv,
    Duration sequenceMaxIdle,
    Duration sequenceTimeout,
    int maxNumSequence,
    int maxSequenceJobQueueSize,
    boolean retryOnWorkerDeath,
    int maxFailuresInRow,
    WorkerStart workerStart,
    boolean preloadModel,
    List<String> unknownKeys,
    List<String> corrections) {

  /** Enough to tell a broken worker from a few bad requests. */
  public static final int DEFAULT_MAX_FAILURES_IN_ROW = 20;

  /** Where a model wants to run. */
  public enum DeviceType {
    CPU,
    GPU
  }

  /** How a model spreads over several devices. */
  public enum ParallelType {
    PIPELINE("pp"),
    TENSOR("tp"),
    PIPELINE_TENSOR("pptp"),
    CUSTOM("custom");

    private final String yamlName;

    ParallelType(String yamlName) {
      this.yamlName = yamlName;
    }

    /** The word used in model-config.yaml and in model descriptions. */
    public String yamlName() {
      return yamlName;
    }
  }

  /** How a worker process comes to life. */
  public enum WorkerStart {
    /** Forked from the zygote, which has torch imported. */
    FORK,
    /** A fresh interpreter. */
    SPAWN
  }

  public ModelConfig {
    Objects.requireNonNull(maxBatchDelay, "maxBatchDelay");
    Objects.requireNonNull(responseTimeout, "responseTimeout");
    Objects.requireNonNull(startupTimeout, "startupTimeout");
    Objects.requireNonNull(deviceType, "deviceType");
    Objects.requireNonNull(parallelType, "parallelType");
    Objects.requireNonNull(maxRetryTimeout, "maxRetryTimeout");
    Objects.requireNonNull(clientTimeout, "clientTimeout");
    Objects.requireNonNull(sequenceMaxIdle, "sequenceMaxIdle");
    Objects.requireNonNull(sequenceTimeout, "sequenceTimeout");
    Objects.requireNonNull(workerStart, "workerStart");
    deviceIds = List.copyOf(deviceIds);
    unknownKeys = List.copyOf(unknownKeys);
    corrections = List.copyOf(corrections);
  }

  /** The configuration of a model without a model-config.yaml. */
  public static ModelConfig none() {
    return new ModelConfig(
        OptionalInt.empty(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        false,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        0,
        false,
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        false,
        false,
        false,
        false,
        Duration.ZERO,
        Duration.ZERO,
        1,
        1,
        true,
        DEFAULT_MAX_FAILURES_IN_ROW,
        WorkerStart.FORK,
        false,
        List.of(),
        List.of());
  }
}
