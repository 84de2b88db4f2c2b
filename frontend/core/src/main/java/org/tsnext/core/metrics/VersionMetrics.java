package org.tsnext.core.metrics;

import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;

/**
 * What is measured of one model version. Its series are looked up once, so that recording is a few
 * additions. Closing it ends those that are about this version alone; counters with the names of
 * TorchServe 0.12 go on, since a model may be registered again and they must not fall.
 */
public final class VersionMetrics implements AutoCloseable {

  /** The version of requests that name none, in metrics of TorchServe 0.12. */
  private static final String DEFAULT_VERSION = "default";

  private static final double NANOS_PER_MICRO = 1e3;
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double NANOS_PER_SECOND = 1e9;

  private final ServerMetrics server;
  private final HandlerMetrics handlers;
  private final SeriesGroup group = new SeriesGroup();
  private final List<String> labels;
  private final Recorder queueTime;
  private final Recorder workerThreadTime;
  private final Recorder workerSeconds;
  private final Sums ofDefault;
  private final Sums ofVersion;
  private final Map<Protocol, Flow> flows = new EnumMap<>(Protocol.class);

  /** The sums that TorchServe 0.12 has, by the version that a request names. */
  private record Sums(Recorder requests, Recorder latency, Recorder queueing) {}

  /** The requests of one protocol. */
  private record Flow(Recorder latency, Recorder queueing, Map<Outcome, Recorder> outcomes) {}

  VersionMetrics(
      ServerMetrics server, HandlerMetrics handlers, String modelName, String modelVersion) {
    this.server = server;
    this.handlers = handlers;
    this.labels = List.of(modelName, modelVersion);
    this.queueTime = server.ofHost(ServerMetric.QUEUE_TIME);
    this.workerThreadTime = server.ofHost(ServerMetric.WORKER_THREAD_TIME);
    this.workerSeconds = own(ServerMetric.WORKER_SECONDS, labels);
    this.ofDefault = sums(modelName, DEFAULT_VERSION);
    this.ofVersion = sums(modelName, modelVersion);
    for (Protocol protocol : Protocol.values()) {
      flows.put(protocol, flow(modelName, modelVersion, protocol.label()));
    }
  }

  /** A request came. */
  public void arrived(InferenceRequest request) {
    if (counts(request)) {
      sums(request).requests().record(1);
    }
  }

  /** A worker got a request. */
  public void dequeued(InferenceRequest request, long waitedNanos) {
    if (counts(request)) {
      sums(request).queueing().record(waitedNanos / NANOS_PER_MICRO);
      flow(request).queueing().record(waitedNanos / NANOS_PER_SECOND);
      queueTime.record(Math.floor(waitedNanos / NANOS_PER_MILLI));
    }
  }

  /** A request has ended, so long after it came. */
  public void ended(InferenceRequest request, Outcome outcome, long tookNanos) {
    if (!counts(request)) {
      return;
    }
    Flow flow = flow(request);
    flow.outcomes().get(outcome).record(1);
    if (outcome == Outcome.SUCCESS) {
      sums(request).latency().record(tookNanos / NANOS_PER_MICRO);
      flow.latency().record(tookNanos / NANOS_PER_SECOND);
    }
  }

  /** A batch went to a worker, so long after it was due. */
  public void sent(long tookNanos) {
    workerThreadTime.record(tookNanos / NANOS_PER_MILLI);
  }

  /** A worker has answered a batch, so long after it could begin. */
  public void served(long tookNanos) {
    workerSeconds.record(tookNanos / NANOS_PER_SECOND);
  }

  /** A worker has its model loaded, so long after its process was started. */
  public void loaded(String workerName, Duration took) {
    own(ServerMetric.WORKER_LOAD_TIME, List.of(workerName, ServerMetrics.HOST_LEVEL, server.host()))
        .record((double) took.toMillis());
  }

  /** A handler emitted a sample. */
  public void emitted(MetricSample sample) {
    handlers.record(sample, group);
  }

  /** A gauge of this version that is looked up at each read, by any thread. */
  public void live(ServerMetric metric, DoubleSupplier source) {
    server.family(metric).ifPresent(family -> group.live(family, labels, source));
  }

  @Override
  public void close() {
    group.close();
  }

  private Sums sums(String modelName, String version) {
    List<String> values = List.of(modelName, version, server.host());
    return new Sums(
        server.series(ServerMetric.INFERENCE_REQUESTS, values),
        server.series(ServerMetric.INFERENCE_LATENCY, values),
        server.series(ServerMetric.QUEUE_LATENCY, values));
  }

  private Flow flow(String modelName, String version, String protocol) {
    List<String> values = List.of(modelName, version, protocol);
    Map<Outcome, Recorder> outcomes = new EnumMap<>(Outcome.class);
    for (Outcome outcome : Outcome.values()) {
      outcomes.put(
          outcome,
          own(ServerMetric.REQUESTS, List.of(modelName, version, protocol, outcome.label())));
    }
    return new Flow(
        own(ServerMetric.REQUEST_LATENCY, values),
        own(ServerMetric.QUEUE_SECONDS, values),
        outcomes);
  }

  /** A series that ends with this version. */
  private Recorder own(ServerMetric metric, List<String> values) {
    return server.family(metric).map(family -> group.series(family, values)).orElse(Recorder.NONE);
  }

  private Sums sums(InferenceRequest request) {
    return request.version().isPresent() ? ofVersion : ofDefault;
  }

  private Flow flow(InferenceRequest request) {
    return flows.get(request.protocol());
  }

  /** Descriptions are asked for by people, and are no part of the models' traffic. */
  private static boolean counts(InferenceRequest request) {
    return request.kind() != RequestKind.DESCRIBE;
  }
}
