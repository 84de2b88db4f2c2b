package org.tsnext.core.metrics;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** All metrics of a server. Thread-safe. Families stay for good; series may end. */
public final class MetricRegistry {

  /** Counts, by metric, the values that were left out because it has too many series. */
  public static final String DROPPED = "ts_metric_values_dropped_total";

  private static final MetricDefinition DROPPED_DEFINITION =
      MetricDefinition.of(DROPPED, MetricType.COUNTER, "Count", List.of("metric"));

  private final int seriesLimit;

  /** By declared name, in the order of registration. Guarded by itself. */
  private final Map<String, MetricFamily> families = new LinkedHashMap<>();

  /** Names of samples, and the metric each belongs to. Guarded by {@code families}. */
  private final Map<String, String> sampleNames = new HashMap<>();

  private final MetricFamily dropped;

  /**
   * @param seriesLimit most series of one metric
   */
  public MetricRegistry(int seriesLimit) {
    if (seriesLimit < 1) {
      throw new IllegalArgumentException(
          "the limit of series is " + seriesLimit + ", expected 1 or more");
    }
    this.seriesLimit = seriesLimit;
    // It has a series for each metric at most, and the number of those is limited elsewhere.
    this.dropped = new MetricFamily(DROPPED_DEFINITION, Integer.MAX_VALUE, () -> Recorder.NONE);
    families.put(DROPPED, dropped);
    sampleNames.put(DROPPED, DROPPED);
  }

  /**
   * Adds a metric. It is shown from now on, with or without series.
   *
   * @throws IllegalArgumentException if another metric has its name, or one of the names that its
   *     samples are shown by
   */
  public MetricFamily register(MetricDefinition definition) {
    synchronized (families) {
      for (String name : sampleNames(definition)) {
        String other = sampleNames.get(name);
        if (other != null) {
          throw new IllegalArgumentException(
              other.equals(definition.name())
                  ? "metric " + other + " is there twice, expected it once"
                  : "metrics %s and %s are both shown as %s"
                      .formatted(other, definition.name(), name));
        }
      }
      sampleNames(definition).forEach(name -> sampleNames.put(name, definition.name()));
      MetricFamily family =
          new MetricFamily(definition, seriesLimit, () -> dropped.series(definition.name()));
      families.put(definition.name(), family);
      return family;
    }
  }

  /** A metric by its declared name. */
  public Optional<MetricFamily> find(String name) {
    synchronized (families) {
      return Optional.ofNullable(families.get(name));
    }
  }

  /** All metrics as they are now, in the order of registration. */
  public List<MetricFamily> families() {
    synchronized (families) {
      return List.copyOf(families.values());
    }
  }

  private static List<String> sampleNames(MetricDefinition definition) {
    String name = ExposedNames.ofMetric(definition.name());
    return definition.type() == MetricType.HISTOGRAM
        ? List.of(name, name + "_bucket", name + "_sum", name + "_count")
        : List.of(name);
  }
}
