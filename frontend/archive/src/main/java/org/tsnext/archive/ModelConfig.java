package org.tsnext.archive;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The frontend's part of a model-config.yaml. An empty value means that the file does not set the
 * key.
 */
public record ModelConfig(
    Workers workers,
    Batching batching,
    Timeouts timeouts,
    Devices devices,
    Requests requests,
    Findings findings) {

  /**
   * The processes that serve the model.
   *
   * @param start how they are started
   * @param templateImports what the process imports from which they are forked: empty to find it
   *     out, none for no such process
   * @param maxFailuresInRow calls of the handler that may fail with no success between them, before
   *     the worker is replaced; 0 for any number
   */
  public record Workers(
      OptionalInt min,
      OptionalInt max,
      WorkerStart start,
      boolean preloadModel,
      Optional<List<String>> templateImports,
      boolean useVenv,
      int maxFailuresInRow) {

    public Workers {
      Objects.requireNonNull(min, "min");
      Objects.requireNonNull(max, "max");
      Objects.requireNonNull(start, "start");
      templateImports = templateImports.map(List::copyOf);
    }
  }

  /**
   * How requests run together.
   *
   * @param maxDelay empty too if it is adaptive
   * @param adaptiveDelay {@code maxBatchDelay: adaptive}
   * @param continuous {@code continuousBatching}
   * @param concurrency requests that one worker runs side by side, at most
   */
  public record Batching(
      OptionalInt size,
      Optional<Duration> maxDelay,
      boolean adaptiveDelay,
      boolean continuous,
      boolean asyncCommunication,
      OptionalInt concurrency) {

    public Batching {
      Objects.requireNonNull(size, "size");
      Objects.requireNonNull(maxDelay, "maxDelay");
      Objects.requireNonNull(concurrency, "concurrency");
    }

    /**
     * The key by which the handler is a coroutine that gets requests one by one; empty if it is
     * not.
     */
    public Optional<String> coroutineKey() {
      return concurrency.isPresent()
          ? Optional.of("concurrency")
          : asyncCommunication ? Optional.of("asyncCommunication") : Optional.empty();
    }
  }

  /**
   * How long things may take.
   *
   * @param maxRetry recovery window of a failing worker, in seconds in the file
   * @param client {@code clientTimeoutInMills}; zero means never
   */
  public record Timeouts(
      Optional<Duration> response,
      Optional<Duration> startup,
      Optional<Duration> maxRetry,
      Optional<Duration> client) {

    public Timeouts {
      Objects.requireNonNull(response, "response");
      Objects.requireNonNull(startup, "startup");
      Objects.requireNonNull(maxRetry, "maxRetry");
      Objects.requireNonNull(client, "client");
    }
  }

  /**
   * Where the model runs.
   *
   * @param torchrun how a worker of several processes is started
   * @param ownCores {@code cpuLauncher}: whether workers have cores of their own; empty for what
   *     the server says
   */
  public record Devices(
      Optional<DeviceType> type,
      List<Integer> ids,
      Optional<ParallelType> parallelType,
      int parallelLevel,
      Torchrun torchrun,
      Optional<Boolean> ownCores) {

    public Devices {
      Objects.requireNonNull(type, "type");
      Objects.requireNonNull(parallelType, "parallelType");
      Objects.requireNonNull(torchrun, "torchrun");
      Objects.requireNonNull(ownCores, "ownCores");
      ids = List.copyOf(ids);
    }

    /** Processes that torchrun starts for one worker; 0 for a worker that is a plain process. */
    public int ranks() {
      return parallelType.isPresent() && parallelType.get() != ParallelType.CUSTOM
          ? parallelLevel
          : 0;
    }
  }

  /**
   * The section {@code torchrun}, but for {@code nproc-per-node}, which is the parallel level.
   *
   * @param nodes machines that its processes are spread over
   * @param ompThreads {@code OMP_NUMBER_THREADS}
   * @param monitorSeconds {@code monitor-interval}; empty for torchrun's own
   */
  public record Torchrun(int nodes, int ompThreads, OptionalInt monitorSeconds) {

    /** What holds without the section. */
    public static final Torchrun DEFAULT = new Torchrun(1, 1, OptionalInt.empty());

    public Torchrun {
      Objects.requireNonNull(monitorSeconds, "monitorSeconds");
    }
  }

  /**
   * What is asked of the model.
   *
   * @param servedNames further names by which OpenAI clients name the model in a request
   * @param warmup what its handler is asked before any client can ask
   */
  public record Requests(
      Queue queue, Sequences sequences, List<String> servedNames, Warmup warmup) {

    public Requests {
      Objects.requireNonNull(queue, "queue");
      Objects.requireNonNull(sequences, "sequences");
      Objects.requireNonNull(warmup, "warmup");
      servedNames = List.copyOf(servedNames);
    }
  }

  /**
   * The inputs that run through the handler before a worker is ready; the worker reads them.
   *
   * @param entries how many there are
   * @param files the files of the model's folder that they name
   */
  public record Warmup(int entries, List<String> files) {

    /** What holds without the key. */
    public static final Warmup NONE = new Warmup(0, List.of());

    public Warmup {
      files = List.copyOf(files);
    }
  }

  /**
   * What becomes of requests that wait.
   *
   * @param capacity {@code jobQueueSize}
   * @param retryOnWorkerDeath whether a request whose worker died is given to another one, once
   */
  public record Queue(OptionalInt capacity, boolean useJobTicket, boolean retryOnWorkerDeath) {

    public Queue {
      Objects.requireNonNull(capacity, "capacity");
    }
  }

  /**
   * Requests that belong together and stay with one worker.
   *
   * @param batching {@code sequenceBatching}, whether there are such
   * @param maxNumber {@code maxNumSequence}
   * @param queueCapacity {@code maxSequenceJobQueueSize}
   */
  public record Sequences(
      boolean batching, Duration maxIdle, Duration timeout, int maxNumber, int queueCapacity) {

    public Sequences {
      Objects.requireNonNull(maxIdle, "maxIdle");
      Objects.requireNonNull(timeout, "timeout");
    }
  }

  /**
   * What is odd in the file, for warnings.
   *
   * @param unknownKeys top-level keys that neither the frontend nor a bundled handler knows
   * @param corrections sentences about values that are not taken as they stand
   */
  public record Findings(List<String> unknownKeys, List<String> corrections) {

    public Findings {
      unknownKeys = List.copyOf(unknownKeys);
      corrections = List.copyOf(corrections);
    }
  }

  /** Processes that one worker may have, whatever a model asks for. */
  public static final int MAX_RANKS = 256;

  /** Requests that one worker may run side by side, whatever a model asks for. */
  public static final int MAX_CONCURRENCY = 1024;

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
    Objects.requireNonNull(workers, "workers");
    Objects.requireNonNull(batching, "batching");
    Objects.requireNonNull(timeouts, "timeouts");
    Objects.requireNonNull(devices, "devices");
    Objects.requireNonNull(requests, "requests");
    Objects.requireNonNull(findings, "findings");
  }

  public Queue queue() {
    return requests.queue();
  }

  public Sequences sequences() {
    return requests.sequences();
  }

  /** The configuration of a model without a model-config.yaml. */
  public static ModelConfig none() {
    return new ModelConfig(
        new Workers(
            OptionalInt.empty(),
            OptionalInt.empty(),
            WorkerStart.FORK,
            false,
            Optional.empty(),
            false,
            DEFAULT_MAX_FAILURES_IN_ROW),
        new Batching(
            OptionalInt.empty(), Optional.empty(), false, false, false, OptionalInt.empty()),
        new Timeouts(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty()),
        new Devices(
            Optional.empty(), List.of(), Optional.empty(), 0, Torchrun.DEFAULT, Optional.empty()),
        new Requests(
            new Queue(OptionalInt.empty(), false, true),
            new Sequences(false, Duration.ZERO, Duration.ZERO, 1, 1),
            List.of(),
            Warmup.NONE),
        new Findings(List.of(), List.of()));
  }
}
