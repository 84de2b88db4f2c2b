package org.tsnext.core.metrics;

import java.time.Instant;
import java.util.List;
import org.tsnext.core.request.Header;

/**
 * One value a handler emitted.
 *
 * @param unit the long form, such as {@code Milliseconds}
 * @param requestIds joined by commas, or empty
 * @param dimensions name and value, in order
 */
public record MetricSample(
    MetricType type,
    String name,
    String unit,
    double value,
    Instant time,
    String requestIds,
    List<Header> dimensions) {

  public MetricSample {
    dimensions = List.copyOf(dimensions);
  }
}
