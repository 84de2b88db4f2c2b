package org.tsnext.server.metrics;

import java.util.Locale;
import java.util.Set;

/** What of the metrics goes to logs. All of them are exposed in each mode. */
public enum MetricsMode {
  LOG,
  PROMETHEUS,
  /** As in TorchServe 0.12 before it had modes: what Prometheus got was not logged. */
  LEGACY;

  private static final Set<String> SUMS =
      Set.of(
          "ts_inference_requests_total",
          "ts_inference_latency_microseconds",
          "ts_queue_latency_microseconds");

  /** The mode of {@code metrics_mode}. */
  public static MetricsMode of(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT));
  }

  /** Whether anything goes to logs. */
  public boolean logs() {
    return this != PROMETHEUS;
  }

  /** Whether a metric of the server with that name does. */
  public boolean logs(String name) {
    return this == LOG || (this == LEGACY && !SUMS.contains(name));
  }
}
