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

/**
 * Everything that is told about one model version.
 *
 * @param modelUrl as given at registration
 * @param maxBatchDelay the one that holds now, if it is adaptive
 * @param responseTimeout and the other lengths are the effective ones
 * @param settingSources who set the values that can be set in several places, by their names
 * @param lastError the newest failure of the version, handler errors included
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
    Optional<ErrorRecord> lastError) {

  public ModelDescription {
    workers = List.copyOf(workers);
    settingSources = Collections.unmodifiableMap(new LinkedHashMap<>(settingSources));
  }

  /**
   * One worker.
   *
   * @param status {@code READY}, {@code LOADING}, {@code UNLOADING} or {@code FAILED}
   * @param state the state's name as the original calls it, such as {@code WORKER_MODEL_LOADED}
   * @param stateSince when it entered that state
   */
  public record Worker(
      String id,
      Instant startTime,
      String status,
      String state,
      Instant stateSince,
      OptionalLong pid,
      long memoryBytes,
      boolean gpu,
      int restarts,
      int inFlight,
      int window,
      Optional<ErrorRecord> lastError) {}

  /** A failure that is remembered. */
  public record ErrorRecord(Instant time, String message, String detail, String traceback) {}
}
