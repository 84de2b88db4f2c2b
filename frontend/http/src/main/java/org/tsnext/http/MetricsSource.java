package org.tsnext.http;

import java.util.Objects;
import java.util.concurrent.Executor;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.tracing.Following;

/**
 * What HTTP needs of what is measured.
 *
 * @param metrics counts answers, and is what {@code /metrics} shows
 * @param renderer writes the pages of {@code /metrics}, one at a time; the caller's to end
 * @param following which requests are followed
 */
public record MetricsSource(ServerMetrics metrics, Executor renderer, Following following) {

  public MetricsSource {
    Objects.requireNonNull(metrics, "metrics");
    Objects.requireNonNull(renderer, "renderer");
    Objects.requireNonNull(following, "following");
  }

  /** Of which clients with a valid token may ask for times, and nothing is traced. */
  public MetricsSource(ServerMetrics metrics, Executor renderer) {
    this(metrics, renderer, Following.ON_REQUEST);
  }
}
