package org.tsnext.core.testing;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.tsnext.core.metrics.Histogram;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.Series;
import org.tsnext.core.metrics.SingleValue;

/** Reads single series of a registry. */
public final class MetricReader {
  private MetricReader() {}

  /** The value of a counter or gauge, or -1 if there is none with those labels. */
  public static double value(MetricRegistry registry, String name, String... labels) {
    return series(registry, name, labels) instanceof SingleValue single ? single.value() : -1;
  }

  /** How many values a histogram has, or -1 if there is none with those labels. */
  public static long count(MetricRegistry registry, String name, String... labels) {
    return reading(registry, name, labels) == null ? -1 : reading(registry, name, labels).count();
  }

  /** All values of a histogram together, or -1 if there is none with those labels. */
  public static double sum(MetricRegistry registry, String name, String... labels) {
    return reading(registry, name, labels) == null ? -1 : reading(registry, name, labels).sum();
  }

  private static Histogram.Reading reading(MetricRegistry registry, String name, String... labels) {
    return series(registry, name, labels) instanceof Histogram histogram ? histogram.read() : null;
  }

  private static Series series(MetricRegistry registry, String name, String... labels) {
    List<String> wanted = Arrays.asList(labels);
    AtomicReference<Series> found = new AtomicReference<>();
    registry
        .find(name)
        .orElseThrow(() -> new AssertionError("no metric " + name))
        .forEach(
            (values, series) -> {
              if (values.equals(wanted)) {
                found.set(series);
              }
            });
    return found.get();
  }
}
