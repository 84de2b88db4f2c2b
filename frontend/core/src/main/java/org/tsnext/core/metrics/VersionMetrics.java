package org.tsnext.core.metrics;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.time.Clock;

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
  private final Recorder heldSeconds;
  private final Recorder handlerSeconds;
  private final Sums ofDefault;
  private final Sums ofVersion;
  private final Recorder batchSizes;
  private final Map<Protocol, Flow> flows = new EnumMap<>(Protocol.class);
  private final Map<RestartCause, Recorder> restarts = new EnumMap<>(RestartCause.class);

  /** The sums that TorchServe 0.12 has, by the version that a request names. */
  private record Sums(Recorder requests, Recorder latency, Recorder queueing) {}

  /** The requests of one protocol. */
  private record Flow(
      Recorder latency,
      Recorder queueing,
      Map<Outcome, Recorder> outcomes,
      Map<Stage, Recorder> cancelled,
      Map<Stage, Recorder> expired) {}

  VersionMetrics(
      ServerMetrics server, HandlerMetrics handlers, String modelName, String modelVersion) {
    this.server = server;
    this.handlers = handlers;
    this.labels = List.of(modelName, modelVersion);
    this.queueTime = server.ofHost(ServerMetric.QUEUE_TIME);
    this.workerThreadTime = server.ofHost(ServerMetric.WORKER_THREAD_TIME);
    this.workerSeconds = own(ServerMetric.WORKER_SECONDS, labels);
    this.heldSeconds = own(ServerMetric.HELD_SECONDS, labels);
    this.handlerSeconds = own(ServerMetric.HANDLER_SECONDS, labels);
    this.batchSizes = own(ServerMetric.BATCH_SIZE, labels);
    this.ofDefault = sums(modelName, DEFAULT_VERSION);
    this.ofVersion = sums(modelName, modelVersion);
    for (Protocol protocol : Protocol.values()) {
      flows.put(protocol, flow(modelName, modelVersion, protocol.label()));
    }
    for (RestartCause cause : RestartCause.values()) {
      restarts.put(
          cause,
          own(ServerMetric.WORKER_RESTARTS, List.of(modelName, modelVersion, cause.label())));
    }
  }

  /** A request came. */
  public void arrived(InferenceRequest request) {
    if (counts(request)) {
      sums(request).requests().record(1);
    }
  }

  /**
   * A worker got a request.
   *
   * @param trace of the request, if it is recorded
   */
  public void dequeued(
      InferenceRequest request, long waitedNanos, Optional<String> trace, Clock clock) {
    if (counts(request)) {
      sums(request).queueing().record(waitedNanos / NANOS_PER_MICRO);
      record(flow(request).queueing(), waitedNanos / NANOS_PER_SECOND, trace, clock);
      queueTime.record(Math.floor(waitedNanos / NANOS_PER_MILLI));
    }
  }

  /**
   * A request has ended, so long after it came.
   *
   * @param trace of the request, if it is recorded
   */
  public void ended(
      InferenceRequest request,
      Outcome outcome,
      long tookNanos,
      Optional<String> trace,
      Clock clock) {
    if (!counts(request)) {
      return;
    }
    Flow flow = flow(request);
    flow.outcomes().get(outcome).record(1);
    if (outcome == Outcome.SUCCESS) {
      sums(request).latency().record(tookNanos / NANOS_PER_MICRO);
      record(flow.latency(), tookNanos / NANOS_PER_SECOND, trace, clock);
    }
  }

  private static void record(Recorder recorder, double value, Optional<String> trace, Clock clock) {
    if (trace.isPresent()) {
      recorder.record(new Exemplar(value, trace.get(), clock.now()));
    } else {
      recorder.record(value);
    }
  }

  /** The client of a request, which has ended by it, has left. */
  public void cancelled(InferenceRequest request, Stage stage) {
    if (counts(request)) {
      flow(request).cancelled().get(stage).record(1);
    }
  }

  /** A request, which has ended by it, has passed its deadline. */
  public void expired(InferenceRequest request, Stage stage) {
    if (counts(request)) {
      flow(request).expired().get(stage).record(1);
    }
  }

  /** A process was started in place of one that has ended. */
  public void restarted(RestartCause cause) {
    restarts.get(cause).record(1);
  }

  /** A batch went to a worker, so long after it was due. */
  public void sent(int size, long tookNanos) {
    batchSizes.record(size);
    workerThreadTime.record(tookNanos / NANOS_PER_MILLI);
  }

  /**
   * A worker has answered a batch.
   *
   * @param tookNanos since it could begin with it
   * @param heldNanos for which it had had it by then, while it ran the one before
   */
  public void served(long tookNanos, long heldNanos) {
    workerSeconds.record(tookNanos / NANOS_PER_SECOND);
    if (heldNanos > 0) {
      heldSeconds.record(heldNanos / NANOS_PER_SECOND);
    }
  }

  /** The handler ran so long for a batch; told of some batches. */
  public void handled(long tookNanos) {
    handlerSeconds.record(tookNanos / NANOS_PER_SECOND);
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
        outcomes,
        stages(ServerMetric.REQUESTS_CANCELLED, values),
        stages(ServerMetric.REQUESTS_EXPIRED, values));
  }

  private Map<Stage, Recorder> stages(ServerMetric metric, List<String> values) {
    Map<Stage, Recorder> stages = new EnumMap<>(Stage.class);
    for (Stage stage : Stage.values()) {
      List<String> all = new ArrayList<>(values);
      all.add(stage.label());
      stages.put(stage, own(metric, all));
    }
    return stages;
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
