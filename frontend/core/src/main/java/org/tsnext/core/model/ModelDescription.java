package org.tsnext.core.model;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.worker.Recovery;
import org.tsnext.core.worker.WorkerError;
import org.tsnext.core.worker.WorkerExit;
import org.tsnext.core.worker.WorkerState;

/**
 * Everything that is told about one model version.
 *
 * @param modelUrl as given at registration
 * @param maxBatchDelay the one that holds now, if it is adaptive
 * @param responseTimeout and the other lengths are the effective ones
 * @param settingSources who set the values that can be set in several places, by their names
 * @param lastError the newest failure of the version, handler errors included
 * @param lastLoadError the newest failure of a worker to come up
 */
public record ModelDescription(
    String modelName,
    String modelVersion,
    String modelUrl,
    String runtime,
    int minWorkers,
    int maxWorkers,
    int batchSize,
    Duration maxBatchDelay,
    boolean adaptiveBatchDelay,
    Duration responseTimeout,
    Duration startupTimeout,
    Duration maxRetryTimeout,
    Duration clientTimeout,
    ModelConfig config,
    boolean gpu,
    boolean loadedAtStartup,
    boolean defaultVersion,
    List<Worker> workers,
    int queueCapacity,
    int queueLength,
    Map<String, String> settingSources,
    Diagnosis diagnosis,
    Optional<WorkerError> lastError,
    Optional<WorkerError> lastLoadError) {

  public ModelDescription {
    workers = List.copyOf(workers);
    settingSources = Collections.unmodifiableMap(new LinkedHashMap<>(settingSources));
  }

  /**
   * One worker.
   *
   * @param status {@code READY}, {@code LOADING}, {@code UNLOADING} or {@code FAILED}
   * @param stateSince when it entered its state
   * @param memoryBytes resident bytes of its process; 0 while they are not known
   * @param gpuUsage what it does on its GPU, for people to read
   * @param recovery empty while it has its model
   * @param lastExit how its latest process ended that did
   */
  public record Worker(
      String id,
      Instant startTime,
      String status,
      WorkerState state,
      Instant stateSince,
      OptionalLong pid,
      long memoryBytes,
      boolean gpu,
      Optional<String> gpuUsage,
      int restarts,
      int inFlight,
      int window,
      Optional<Recovery> recovery,
      Optional<WorkerExit> lastExit,
      Optional<WorkerError> lastError) {}
}
