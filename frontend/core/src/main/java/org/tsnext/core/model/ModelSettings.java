package org.tsnext.core.model;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.worker.WorkerError;

/**
 * What holds for one model version, after the registration, the model's own file, the {@code
 * models} property and the server's defaults have been asked, in that order.
 *
 * @param minWorkers at the start; scaling changes it
 * @param maxWorkers at the start
 * @param adaptiveBatchDelay whether the delay is learned; then {@code maxBatchDelay} means nothing
 * @param queueCapacity requests that may wait
 * @param ownDevices GPUs that are dealt out to this model's workers alone; empty to share all
 * @param loadedAtStartup whether the operator named it
 * @param sources who set a value, by the value's name in a description
 * @param order the registration that made it
 */
record ModelSettings(
    String name,
    String version,
    String url,
    String runtime,
    String handler,
    Optional<String> envelope,
    int minWorkers,
    int maxWorkers,
    int batchSize,
    Duration maxBatchDelay,
    boolean adaptiveBatchDelay,
    Duration responseTimeout,
    Duration startupTimeout,
    Duration maxRetryTimeout,
    Duration clientTimeout,
    int queueCapacity,
    boolean gpu,
    List<Integer> ownDevices,
    boolean loadedAtStartup,
    ModelConfig config,
    Map<String, String> sources,
    RegisterModel order) {

  ModelSettings {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(version, "version");
    Objects.requireNonNull(url, "url");
    Objects.requireNonNull(runtime, "runtime");
    Objects.requireNonNull(handler, "handler");
    Objects.requireNonNull(envelope, "envelope");
    Objects.requireNonNull(config, "config");
    Objects.requireNonNull(order, "order");
    ownDevices = List.copyOf(ownDevices);
    sources = Collections.unmodifiableMap(new LinkedHashMap<>(sources));
  }

  /** GPUs that each worker has for itself; 0 if it has none of its own. */
  int devicesPerWorker() {
    return devicesPerWorker(gpu, config);
  }

  static int devicesPerWorker(boolean gpu, ModelConfig config) {
    return gpu && config.parallelType().isPresent() ? config.parallelLevel() : 0;
  }

  /** As many workers as wanted, or as there are devices for. */
  int withinDevices(int workers) {
    int each = devicesPerWorker();
    return each == 0 ? workers : Math.min(workers, ownDevices.size() / each);
  }

  /**
   * What changes while a version lives.
   *
   * @param batchDelay the one that holds now
   * @param sources as those of the settings, with what came later
   */
  record Moment(
      int minWorkers,
      int maxWorkers,
      Duration batchDelay,
      boolean defaultVersion,
      List<ModelDescription.Worker> workers,
      int queueLength,
      Map<String, String> sources,
      Diagnosis diagnosis,
      Optional<WorkerError> lastError,
      Optional<WorkerError> lastLoadError) {}

  /** Everything that is told about the version as it is now. */
  ModelDescription describe(Moment now) {
    return new ModelDescription(
        name,
        version,
        url,
        runtime,
        now.minWorkers(),
        now.maxWorkers(),
        batchSize,
        now.batchDelay(),
        adaptiveBatchDelay,
        responseTimeout,
        startupTimeout,
        maxRetryTimeout,
        clientTimeout,
        config,
        gpu,
        loadedAtStartup,
        now.defaultVersion(),
        now.workers(),
        queueCapacity,
        now.queueLength(),
        now.sources(),
        now.diagnosis(),
        now.lastError(),
        now.lastLoadError());
  }
}
