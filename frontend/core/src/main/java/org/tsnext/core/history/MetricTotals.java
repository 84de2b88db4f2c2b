package org.tsnext.core.history;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.tsnext.core.metrics.Histogram;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.Outcome;
import org.tsnext.core.metrics.ServerMetric;
import org.tsnext.core.metrics.SingleValue;
import org.tsnext.core.settings.VersionId;

/** Reads what the server has counted of each version. Labels are known by their position. */
final class MetricTotals {

  private static final int OUTCOME = 3;

  private final MetricRegistry registry;

  MetricTotals(MetricRegistry registry) {
    this.registry = registry;
  }

  Map<VersionId, VersionTotals> read() {
    Map<VersionId, VersionTotals> all = new HashMap<>();
    List<Double> bounds =
        family(ServerMetric.REQUEST_LATENCY)
            .map(found -> found.definition().bounds())
            .orElse(List.of());
    family(ServerMetric.REQUESTS)
        .ifPresent(
            requests ->
                requests.forEach(
                    (labels, series) -> {
                      if (series instanceof SingleValue value) {
                        of(all, labels, bounds)
                            .addEnded((long) value.value(), isError(labels.get(OUTCOME)));
                      }
                    }));
    histograms(ServerMetric.REQUEST_LATENCY, all, bounds, VersionTotals::addLatencies);
    histograms(ServerMetric.QUEUE_SECONDS, all, bounds, VersionTotals::addQueueing);
    histograms(ServerMetric.WORKER_SECONDS, all, bounds, VersionTotals::addServing);
    histograms(ServerMetric.HELD_SECONDS, all, bounds, VersionTotals::addHolding);
    histograms(ServerMetric.HANDLER_SECONDS, all, bounds, VersionTotals::addHandling);
    return all;
  }

  private void histograms(
      ServerMetric metric,
      Map<VersionId, VersionTotals> all,
      List<Double> bounds,
      BiConsumer<VersionTotals, Histogram.Reading> add) {
    family(metric)
        .ifPresent(
            found ->
                found.forEach(
                    (labels, series) -> {
                      if (series instanceof Histogram histogram) {
                        add.accept(of(all, labels, bounds), histogram.read());
                      }
                    }));
  }

  private Optional<MetricFamily> family(ServerMetric metric) {
    return registry.find(metric.definition().name());
  }

  private static VersionTotals of(
      Map<VersionId, VersionTotals> all, List<String> labels, List<Double> bounds) {
    return all.computeIfAbsent(
        new VersionId(labels.get(0), labels.get(1)), id -> new VersionTotals(bounds));
  }

  private static boolean isError(String outcome) {
    return outcome.equals(Outcome.CLIENT_ERROR.label())
        || outcome.equals(Outcome.SERVER_ERROR.label());
  }
}
