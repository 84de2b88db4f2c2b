package org.tsnext.core.testing;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.ModelConfig;
import org.tsnext.archive.ModelConfig.DeviceType;
import org.tsnext.archive.ModelConfig.ParallelType;
import org.tsnext.archive.ModelConfig.Torchrun;
import org.tsnext.archive.ModelConfig.WorkerStart;

/** Builds a {@link ModelConfig} from what a test cares about. */
public final class Configs {

  private OptionalInt minWorkers = OptionalInt.empty();
  private OptionalInt maxWorkers = OptionalInt.empty();
  private OptionalInt batchSize = OptionalInt.empty();
  private Optional<Duration> maxBatchDelay = Optional.empty();
  private Optional<Duration> responseTimeout = Optional.empty();
  private Optional<Duration> startupTimeout = Optional.empty();
  private Optional<DeviceType> deviceType = Optional.empty();
  private List<Integer> deviceIds = List.of();
  private Optional<ParallelType> parallelType = Optional.empty();
  private int parallelLevel;
  private Torchrun torchrun = Torchrun.DEFAULT;
  private boolean useJobTicket;
  private Optional<Duration> maxRetryTimeout = Optional.empty();
  private Optional<Duration> clientTimeout = Optional.empty();
  private OptionalInt jobQueueSize = OptionalInt.empty();
  private boolean continuousBatching;
  private boolean sequenceBatching;
  private boolean asyncCommunication;
  private OptionalInt concurrency = OptionalInt.empty();
  private boolean retryOnWorkerDeath = true;
  private int maxFailuresInRow = ModelConfig.DEFAULT_MAX_FAILURES_IN_ROW;
  private Optional<List<String>> templateImports = Optional.empty();
  private boolean preloadModel;
  private WorkerStart workerStart = WorkerStart.FORK;
  private Duration sequenceMaxIdle = Duration.ZERO;
  private Duration sequenceTimeout = Duration.ZERO;
  private int maxNumSequence = 1;
  private int maxSequenceJobQueueSize = 1;
  private boolean adaptiveBatchDelay;
  private List<String> servedNames = List.of();
  private ModelConfig.Warmup warmup = ModelConfig.Warmup.NONE;

  public Configs workers(int min, int max) {
    minWorkers = OptionalInt.of(min);
    maxWorkers = OptionalInt.of(max);
    return this;
  }

  public Configs batch(int size, Duration delay) {
    batchSize = OptionalInt.of(size);
    maxBatchDelay = Optional.of(delay);
    return this;
  }

  public Configs adaptiveBatch(int size) {
    batchSize = OptionalInt.of(size);
    adaptiveBatchDelay = true;
    return this;
  }

  public Configs responseTimeout(Duration value) {
    responseTimeout = Optional.of(value);
    return this;
  }

  public Configs startupTimeout(Duration value) {
    startupTimeout = Optional.of(value);
    return this;
  }

  public Configs device(DeviceType type, Integer... ids) {
    deviceType = Optional.of(type);
    deviceIds = List.of(ids);
    return this;
  }

  public Configs parallel(ParallelType type, int level) {
    parallelType = Optional.of(type);
    parallelLevel = level;
    return this;
  }

  public Configs nodes(int number) {
    torchrun = new Torchrun(number, 1, OptionalInt.empty());
    return this;
  }

  public Configs jobTicket() {
    useJobTicket = true;
    return this;
  }

  public Configs maxRetryTimeout(Duration value) {
    maxRetryTimeout = Optional.of(value);
    return this;
  }

  public Configs clientTimeout(Duration value) {
    clientTimeout = Optional.of(value);
    return this;
  }

  public Configs jobQueueSize(int value) {
    jobQueueSize = OptionalInt.of(value);
    return this;
  }

  public Configs continuousBatching() {
    continuousBatching = true;
    return this;
  }

  public Configs sequenceBatching() {
    sequenceBatching = true;
    return this;
  }

  /** Sequence batching with these limits, and no limit of their lives. */
  public Configs sequences(Duration maxIdle, int maxOpen, int maxWaiting) {
    sequenceBatching = true;
    sequenceMaxIdle = maxIdle;
    maxNumSequence = maxOpen;
    maxSequenceJobQueueSize = maxWaiting;
    return this;
  }

  public Configs sequenceTimeout(Duration value) {
    sequenceTimeout = value;
    return this;
  }

  public Configs asyncCommunication() {
    asyncCommunication = true;
    return this;
  }

  public Configs concurrency(int value) {
    concurrency = OptionalInt.of(value);
    return this;
  }

  public Configs noRetryOnWorkerDeath() {
    retryOnWorkerDeath = false;
    return this;
  }

  public Configs maxFailuresInRow(int value) {
    maxFailuresInRow = value;
    return this;
  }

  public Configs spawned() {
    workerStart = WorkerStart.SPAWN;
    return this;
  }

  public Configs templateImports(String... modules) {
    templateImports = Optional.of(List.of(modules));
    return this;
  }

  public Configs servedAs(String... names) {
    servedNames = List.of(names);
    return this;
  }

  /** A warm-up of one input. */
  public Configs warmedUp() {
    warmup = new ModelConfig.Warmup(1, List.of());
    return this;
  }

  public Configs preloadModel() {
    preloadModel = true;
    return this;
  }

  public ModelConfig build() {
    return new ModelConfig(
        new ModelConfig.Workers(
            minWorkers,
            maxWorkers,
            workerStart,
            preloadModel,
            templateImports,
            false,
            maxFailuresInRow),
        new ModelConfig.Batching(
            batchSize,
            maxBatchDelay,
            adaptiveBatchDelay,
            continuousBatching,
            asyncCommunication,
            concurrency),
        new ModelConfig.Timeouts(responseTimeout, startupTimeout, maxRetryTimeout, clientTimeout),
        new ModelConfig.Devices(
            deviceType, deviceIds, parallelType, parallelLevel, torchrun, Optional.empty()),
        new ModelConfig.Requests(
            new ModelConfig.Queue(jobQueueSize, useJobTicket, retryOnWorkerDeath),
            new ModelConfig.Sequences(
                sequenceBatching,
                sequenceMaxIdle,
                sequenceTimeout,
                maxNumSequence,
                maxSequenceJobQueueSize),
            servedNames,
            warmup),
        new ModelConfig.Findings(List.of(), List.of()));
  }
}
