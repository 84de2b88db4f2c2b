package org.tsnext.core.metrics;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All series of one metric: one per combination of label values, up to a limit. Beyond it values
 * are counted as dropped, and that is said once. Thread-safe; who looks a series up keeps its
 * recorder.
 */
public final class MetricFamily {

  private static final Logger LOGGER = LoggerFactory.getLogger(MetricFamily.class);

  /** Number of holders of a series that stays for good. */
  private static final int FOR_GOOD = -1;

  private final MetricDefinition definition;
  private final String exposedName;
  private final List<String> exposedDimensions;
  private final int limit;
  private final Supplier<Recorder> overflow;

  /** Null for none. */
  private volatile SeriesListener listener;

  private final AtomicBoolean warned = new AtomicBoolean();
  private final ConcurrentHashMap<List<String>, Entry> entries = new ConcurrentHashMap<>();

  /** A series, and how many {@link SeriesGroup}s have it. */
  private record Entry(Series series, int holders) {}

  /**
   * @param limit of series
   * @param overflow who takes values that find no series; asked once it comes to that
   */
  MetricFamily(MetricDefinition definition, int limit, Supplier<Recorder> overflow) {
    this.definition = Objects.requireNonNull(definition, "definition");
    this.exposedName = ExposedNames.ofMetric(definition.name());
    this.exposedDimensions =
        definition.dimensions().stream().map(ExposedNames::ofDimension).toList();
    this.limit = limit;
    this.overflow = overflow;
  }

  public MetricDefinition definition() {
    return definition;
  }

  /** The name with all characters that an exposition cannot write replaced. */
  public String exposedName() {
    return exposedName;
  }

  /** The dimensions likewise, in order. */
  public List<String> exposedDimensions() {
    return exposedDimensions;
  }

  /**
   * The series with these label values, which stays as long as the registry.
   *
   * @param values in the order of the dimensions
   * @throws IllegalArgumentException if there are more or fewer than dimensions
   */
  public Recorder series(List<String> values) {
    return hold(values, this::newSeries, true)
        .map(series -> told(values, series))
        .orElseGet(overflow);
  }

  /** As {@link #series(List)}. */
  public Recorder series(String... values) {
    return series(List.of(values));
  }

  /** Tells of each value from now on, of series that are asked for from now on. */
  public void tell(SeriesListener listener) {
    this.listener = listener;
  }

  private Recorder told(List<String> values, Series series) {
    Recorder recorder = (Recorder) series;
    SeriesListener hears = listener;
    if (hears == null) {
      return recorder;
    }
    List<String> labels = List.copyOf(values);
    return value -> {
      recorder.record(value);
      hears.recorded(labels, value);
    };
  }

  /** Shows every series with its label values. Those that come or go meanwhile may be left out. */
  public void forEach(BiConsumer<List<String>, Series> reader) {
    entries.forEach((values, entry) -> reader.accept(values, entry.series()));
  }

  /** How many series there are. */
  public int size() {
    return entries.size();
  }

  /** For a {@link SeriesGroup}: a series to give back, or empty if there are too many. */
  Optional<Recorder> lend(List<String> values) {
    return hold(values, this::newSeries, false).map(series -> told(values, series));
  }

  /**
   * For a {@link SeriesGroup}.
   *
   * @return false if there are too many
   */
  boolean lendLive(List<String> values, DoubleSupplier source) {
    return hold(values, () -> new LiveGauge(source), false).isPresent();
  }

  /** Who takes values that find no series. */
  Recorder overflow() {
    return overflow.get();
  }

  /** What {@code lend} or {@code lendLive} gave comes back. */
  void giveBack(List<String> values) {
    entries.computeIfPresent(
        values,
        (key, entry) -> {
          if (entry.holders() == FOR_GOOD) {
            return entry;
          }
          return entry.holders() == 1 ? null : new Entry(entry.series(), entry.holders() - 1);
        });
  }

  private Series newSeries() {
    return switch (definition.type()) {
      case COUNTER -> new Counter();
      case GAUGE -> new Gauge();
      case HISTOGRAM -> new Histogram(definition.bounds());
    };
  }

  private Optional<Series> hold(List<String> values, Supplier<Series> made, boolean forGood) {
    List<String> key = List.copyOf(values);
    if (key.size() != definition.dimensions().size()) {
      throw new IllegalArgumentException(
          "metric %s got the label values %s, expected one for each of %s"
              .formatted(definition.name(), key, definition.dimensions()));
    }
    Entry found = entries.get(key);
    if (found != null && found.holders() == FOR_GOOD) {
      return Optional.of(found.series());
    }
    // Threads that come at the same time may go beyond the limit by as many as they are.
    if (found == null && entries.size() >= limit) {
      warnOnce();
      return Optional.empty();
    }
    Entry held =
        entries.compute(
            key,
            (same, entry) -> {
              Series series = entry == null ? made.get() : entry.series();
              int holders = entry == null ? 0 : entry.holders();
              return new Entry(series, forGood || holders == FOR_GOOD ? FOR_GOOD : holders + 1);
            });
    return Optional.of(held.series());
  }

  private void warnOnce() {
    if (warned.compareAndSet(false, true)) {
      LOGGER.warn(
          "Metric {} has {} combinations of labels, the most of metrics_max_series; values for"
              + " others are dropped and counted by {}",
          definition.name(),
          limit,
          MetricRegistry.DROPPED);
    }
  }
}
