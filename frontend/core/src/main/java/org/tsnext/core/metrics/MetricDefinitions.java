package org.tsnext.core.metrics;

import java.util.List;

/**
 * The content of a {@code metrics_config} file.
 *
 * @param frontend what the server itself records, with all dimensions, the host name last
 * @param model what handlers may emit, as declared: without the host name, which the server appends
 */
public record MetricDefinitions(List<MetricDefinition> frontend, List<MetricDefinition> model) {

  public MetricDefinitions {
    frontend = List.copyOf(frontend);
    model = List.copyOf(model);
  }

  /** Where there is no file: what the server records, and nothing of handlers. */
  public static MetricDefinitions defaults() {
    return new MetricDefinitions(ServerMetric.declarations(), List.of());
  }
}
