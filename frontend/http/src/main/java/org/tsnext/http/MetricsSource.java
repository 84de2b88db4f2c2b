package org.tsnext.http;

import java.util.Objects;
import java.util.concurrent.Executor;
import org.tsnext.core.metrics.ServerMetrics;

/**
 * What HTTP needs of the metrics.
 *
 * @param metrics counts answers, and is what {@code /metrics} shows
 * @param renderer writes the pages of {@code /metrics}, one at a time; the caller's to end
 */
public record MetricsSource(ServerMetrics metrics, Executor renderer) {

  public MetricsSource {
    Objects.requireNonNull(metrics, "metrics");
    Objects.requireNonNull(renderer, "renderer");
  }
}
