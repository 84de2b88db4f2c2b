package org.tsnext.core.metrics;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What the server itself measures. */
public enum ServerMetric {
  REQUESTS_2XX(
      Origin.TORCHSERVE,
      "Requests2XX",
      MetricType.COUNTER,
      "Count",
      MetricLabels.HOST,
      "HTTP responses with a status of 200 to 299, of all listeners"),
  REQUESTS_4XX(
      Origin.TORCHSERVE,
      "Requests4XX",
      MetricType.COUNTER,
      "Count",
      MetricLabels.HOST,
      "HTTP responses with a status of 400 to 499"),
  REQUESTS_5XX(
      Origin.TORCHSERVE,
      "Requests5XX",
      MetricType.COUNTER,
      "Count",
      MetricLabels.HOST,
      "HTTP responses with a status of 500 or more"),
  INFERENCE_REQUESTS(
      Origin.TORCHSERVE,
      "ts_inference_requests_total",
      MetricType.COUNTER,
      "Count",
      MetricLabels.MODEL_AND_HOST,
      "Predictions and explanations for a model that is registered, refused ones included"),
  INFERENCE_LATENCY(
      Origin.TORCHSERVE,
      "ts_inference_latency_microseconds",
      MetricType.COUNTER,
      "Microseconds",
      MetricLabels.MODEL_AND_HOST,
      "Time from a request's arrival to the end of its response, summed over successful ones"),
  QUEUE_LATENCY(
      Origin.TORCHSERVE,
      "ts_queue_latency_microseconds",
      MetricType.COUNTER,
      "Microseconds",
      MetricLabels.MODEL_AND_HOST,
      "Time from a request's arrival until a worker got it, summed"),
  QUEUE_TIME(
      Origin.TORCHSERVE,
      "QueueTime",
      MetricType.GAUGE,
      "Milliseconds",
      MetricLabels.HOST,
      "How long the last request waited for a worker, in whole milliseconds"),
  WORKER_THREAD_TIME(
      Origin.TORCHSERVE,
      "WorkerThreadTime",
      MetricType.GAUGE,
      "Milliseconds",
      MetricLabels.HOST,
      "How long the server took to send the last batch to a worker once it was due"),
  WORKER_LOAD_TIME(
      Origin.TORCHSERVE,
      "WorkerLoadTime",
      MetricType.GAUGE,
      "Milliseconds",
      List.of("WorkerName", "Level", "Hostname"),
      "How long a worker took from the start of its process until its model was loaded"),
  CPU_UTILIZATION(
      Origin.TORCHSERVE,
      "CPUUtilization",
      MetricType.GAUGE,
      "Percent",
      MetricLabels.HOST,
      "Use of all processors of the machine"),
  MEMORY_USED(
      Origin.TORCHSERVE,
      "MemoryUsed",
      MetricType.GAUGE,
      "Megabytes",
      MetricLabels.HOST,
      "Memory in use, in MiB"),
  MEMORY_AVAILABLE(
      Origin.TORCHSERVE,
      "MemoryAvailable",
      MetricType.GAUGE,
      "Megabytes",
      MetricLabels.HOST,
      "Memory that programs can still get, in MiB"),
  MEMORY_UTILIZATION(
      Origin.TORCHSERVE,
      "MemoryUtilization",
      MetricType.GAUGE,
      "Percent",
      MetricLabels.HOST,
      "Share of the memory that is not available"),
  DISK_USAGE(
      Origin.TORCHSERVE,
      "DiskUsage",
      MetricType.GAUGE,
      "Gigabytes",
      MetricLabels.HOST,
      "Use of the file system of /, in GiB"),
  DISK_UTILIZATION(
      Origin.TORCHSERVE,
      "DiskUtilization",
      MetricType.GAUGE,
      "Percent",
      MetricLabels.HOST,
      "Use of the file system of /"),
  DISK_AVAILABLE(
      Origin.TORCHSERVE,
      "DiskAvailable",
      MetricType.GAUGE,
      "Gigabytes",
      MetricLabels.HOST,
      "Free space of the file system of /, in GiB"),
  GPU_MEMORY_UTILIZATION(
      Origin.TORCHSERVE,
      "GPUMemoryUtilization",
      MetricType.GAUGE,
      "Percent",
      MetricLabels.DEVICE,
      "Share of a GPU's memory in use"),
  GPU_MEMORY_USED(
      Origin.TORCHSERVE,
      "GPUMemoryUsed",
      MetricType.GAUGE,
      "Megabytes",
      MetricLabels.DEVICE,
      "Memory of a GPU in use, in MiB"),
  GPU_UTILIZATION(
      Origin.TORCHSERVE,
      "GPUUtilization",
      MetricType.GAUGE,
      "Percent",
      MetricLabels.DEVICE,
      "Use of a GPU"),
  REQUESTS(
      "ts_requests_total",
      MetricType.COUNTER,
      "Count",
      List.of("model_name", "model_version", "protocol", "outcome"),
      "Predictions and explanations that ended, by outcome: success, client_error, server_error, or"
          + " cancelled because the client left"),
  REQUEST_LATENCY(
      "ts_request_latency_seconds",
      MetricLabels.MODEL_AND_PROTOCOL,
      "Time from a request's arrival to the end of its response, of successful ones"),
  QUEUE_SECONDS(
      "ts_queue_time_seconds",
      MetricLabels.MODEL_AND_PROTOCOL,
      "Time from a request's arrival until a worker got it"),
  WORKER_SECONDS(
      "ts_worker_time_seconds",
      MetricLabels.MODEL,
      "Time that a worker took for a batch: from when it could begin until its last response"),
  HELD_SECONDS(
      "ts_worker_wait_seconds",
      MetricLabels.MODEL,
      "Time that a batch waited in its worker for the one before it, of those that did"),
  HANDLER_SECONDS(
      "ts_handler_time_seconds",
      MetricLabels.MODEL,
      "Time that the handler ran for a batch, of a sample: up to ten batches a second of a worker"),
  QUEUE_LENGTH(
      "ts_queue_length",
      MetricType.GAUGE,
      "Count",
      MetricLabels.MODEL,
      "Requests that wait for a worker"),
  READY_WORKERS(
      "ts_ready_workers",
      MetricType.GAUGE,
      "Count",
      MetricLabels.MODEL,
      "Workers that have the model loaded"),
  JOBS(
      "ts_jobs",
      MetricType.GAUGE,
      "Count",
      MetricLabels.STATUS,
      "Jobs by their status: queued, running, succeeded, failed, cancelled"),
  JOB_BYTES(
      "ts_job_bytes",
      MetricType.GAUGE,
      "Bytes",
      List.of(),
      "Bytes of requests and responses that jobs hold, of job_max_bytes"),
  MIN_WORKERS(
      "ts_min_workers",
      MetricType.GAUGE,
      "Count",
      MetricLabels.MODEL,
      "Workers that the version should have at least (minWorkers)"),
  WORKER_RESTARTS(
      "ts_worker_restarts_total",
      MetricType.COUNTER,
      "Count",
      List.of("model_name", "model_version", "cause"),
      "Processes of workers that were started in place of one that ended, by the cause of its end"),
  REQUESTS_CANCELLED(
      "ts_requests_cancelled_total",
      MetricType.COUNTER,
      "Count",
      MetricLabels.MODEL_AND_STAGE,
      "Requests whose client left before the response, by stage: queue, or worker once one had it"),
  REQUESTS_EXPIRED(
      "ts_requests_expired_total",
      MetricType.COUNTER,
      "Count",
      MetricLabels.MODEL_AND_STAGE,
      "Requests that passed their deadline (clientTimeoutInMills, or the client's own), by stage"),
  BATCH_SIZE(
      "ts_batch_size",
      MetricType.HISTOGRAM,
      "Requests",
      MetricLabels.MODEL,
      "Requests that a worker was given together"),
  GPU_MEMORY_USED_BYTES(
      "ts_gpu_memory_used_bytes",
      MetricType.GAUGE,
      "Bytes",
      MetricLabels.GPU,
      "Memory of a GPU in use, by all programs"),
  GPU_MEMORY_SIZE_BYTES(
      "ts_gpu_memory_size_bytes",
      MetricType.GAUGE,
      "Bytes",
      MetricLabels.GPU,
      "Memory that a GPU has");

  /** Where a metric comes from. */
  public enum Origin {
    /** From TorchServe 0.12, with its name and dimensions; recorded if it is declared. */
    TORCHSERVE,
    /** Always recorded; a declaration can choose other bounds. */
    OURS
  }

  private final Origin origin;

  @SuppressWarnings("ImmutableEnumChecker") // a record of lists that cannot be changed
  private final MetricDefinition definition;

  private final String meaning;

  /** A histogram of ours, in seconds. */
  ServerMetric(String name, List<String> dimensions, String meaning) {
    this(name, MetricType.HISTOGRAM, "Seconds", dimensions, meaning);
  }

  /** One of ours. */
  ServerMetric(String name, MetricType type, String unit, List<String> dimensions, String meaning) {
    this(Origin.OURS, name, type, unit, dimensions, meaning);
  }

  ServerMetric(
      Origin origin,
      String name,
      MetricType type,
      String unit,
      List<String> dimensions,
      String meaning) {
    this.origin = origin;
    this.definition = MetricDefinition.of(name, type, unit, dimensions);
    this.meaning = meaning;
  }

  public Origin origin() {
    return origin;
  }

  /** How it is defined unless a file declares it otherwise. */
  public MetricDefinition definition() {
    return definition;
  }

  /** What it measures, in words. */
  public String meaning() {
    return meaning;
  }

  static Optional<ServerMetric> named(String name) {
    return Arrays.stream(values())
        .filter(metric -> metric.definition.name().equals(name))
        .findFirst();
  }

  /** The declarations of those that need one. */
  static List<MetricDefinition> declarations() {
    return Arrays.stream(values())
        .filter(metric -> metric.origin == Origin.TORCHSERVE)
        .map(ServerMetric::definition)
        .toList();
  }
}
