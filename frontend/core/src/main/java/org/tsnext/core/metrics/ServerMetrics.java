package org.tsnext.core.metrics;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.DoubleSupplier;

/**
 * Everything the server measures, put into a registry. Made once; a recording class gets its series
 * here and keeps them.
 */
public final class ServerMetrics {

  /** The level of what is not about one model. */
  static final String HOST_LEVEL = "Host";

  private final MetricRegistry registry;
  private final String host;
  private final HandlerMetrics handlers;
  private final Map<ServerMetric, MetricFamily> families = new EnumMap<>(ServerMetric.class);
  private final List<MetricFamily> declared = new ArrayList<>();
  private final Recorder[] responses;

  /**
   * Registers all metrics that are declared, and those that need no declaration.
   *
   * @param autoDetect whether metrics of handlers that are not declared are kept
   * @param host the name of this machine
   * @param listener is told what handlers emit
   * @throws IllegalArgumentException saying which declaration does not fit, and why
   */
  public ServerMetrics(
      MetricRegistry registry,
      MetricDefinitions declared,
      boolean autoDetect,
      String host,
      SampleListener listener) {
    this.registry = Objects.requireNonNull(registry, "registry");
    this.host = Objects.requireNonNull(host, "host");
    for (MetricDefinition definition : declared.frontend()) {
      Optional<ServerMetric> known = ServerMetric.named(definition.name());
      known.ifPresent(metric -> requireFitting(definition, metric));
      MetricFamily family = registry.register(definition);
      known.ifPresent(metric -> families.put(metric, family));
      if (known.isEmpty() || known.get().origin() == ServerMetric.Origin.TORCHSERVE) {
        this.declared.add(family);
      }
    }
    for (ServerMetric metric : ServerMetric.values()) {
      if (metric.origin() == ServerMetric.Origin.OURS && !families.containsKey(metric)) {
        families.put(metric, registry.register(metric.definition()));
      }
    }
    this.handlers = new HandlerMetrics(registry, declared.model(), autoDetect, host, listener);
    Recorder successes = ofHost(ServerMetric.REQUESTS_2XX);
    Recorder clientErrors = ofHost(ServerMetric.REQUESTS_4XX);
    Recorder serverErrors = ofHost(ServerMetric.REQUESTS_5XX);
    this.responses =
        new Recorder[] {
          Recorder.NONE, Recorder.NONE, successes, Recorder.NONE, clientErrors, serverErrors
        };
  }

  public MetricRegistry registry() {
    return registry;
  }

  /** The declared metrics but for those that need no declaration, in order. */
  public List<MetricFamily> declared() {
    return List.copyOf(declared);
  }

  /** What looks at the machine may set: the declared metrics, and those of GPUs. */
  public List<MetricFamily> ofMachine() {
    List<MetricFamily> all = new ArrayList<>(declared);
    all.add(families.get(ServerMetric.GPU_MEMORY_USED_BYTES));
    all.add(families.get(ServerMetric.GPU_MEMORY_SIZE_BYTES));
    return all;
  }

  /** Counts an answer to a client, by its HTTP status. */
  public void responded(int status) {
    responses[Math.max(0, Math.min(status / 100, responses.length - 1))].record(1);
  }

  /** The series of a metric of the machine or the server as a whole. */
  public Recorder ofHost(ServerMetric metric) {
    return series(metric, List.of(HOST_LEVEL, host));
  }

  /**
   * A gauge that stays and is looked up at each read.
   *
   * @param source called by any thread; does not block
   */
  public void live(ServerMetric metric, List<String> values, DoubleSupplier source) {
    family(metric).ifPresent(family -> family.lendLive(values, source));
  }

  /** The series of one GPU. */
  public Recorder ofDevice(ServerMetric metric, String deviceId) {
    return series(metric, List.of(HOST_LEVEL, deviceId, host));
  }

  /** The series of a model version, which end when that is closed. */
  public VersionMetrics ofVersion(String modelName, String modelVersion) {
    return new VersionMetrics(this, handlers, modelName, modelVersion);
  }

  /** A series that stays; of a metric that is not declared, one that does nothing. */
  Recorder series(ServerMetric metric, List<String> values) {
    MetricFamily family = families.get(metric);
    return family == null ? Recorder.NONE : family.series(values);
  }

  /** The metric, if it is declared or needs no declaration. */
  Optional<MetricFamily> family(ServerMetric metric) {
    return Optional.ofNullable(families.get(metric));
  }

  /** The name of this machine, the value of the last dimension of declared metrics. */
  public String host() {
    return host;
  }

  /**
   * Dimensions get their values by position, so that files may name them as they like. Those of
   * TorchServe 0.12 may be of another type, too, as they could be there.
   */
  private static void requireFitting(MetricDefinition declared, ServerMetric metric) {
    MetricDefinition ours = metric.definition();
    if (declared.dimensions().size() != ours.dimensions().size()) {
      throw new IllegalArgumentException(
          "metric %s is declared with the dimensions %s, expected %d as in %s"
              .formatted(
                  declared.name(),
                  declared.dimensions(),
                  ours.dimensions().size(),
                  ours.dimensions()));
    }
    if (metric.origin() == ServerMetric.Origin.OURS && declared.type() != ours.type()) {
      throw new IllegalArgumentException(
          "metric %s is declared as a %s, expected a %s"
              .formatted(declared.name(), declared.type().word(), ours.type().word()));
    }
  }
}
