package org.tsnext.http.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.List;
import java.util.Set;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.metrics.Recorder;

public class PrometheusTextTest {

  private static final String DROPPED =
      """
      # HELP ts_metric_values_dropped_total Torchserve prometheus counter metric with unit: Count
      # TYPE ts_metric_values_dropped_total counter
      """;

  private MetricRegistry registry;

  @BeforeMethod
  public void newRegistry() {
    registry = new MetricRegistry(10);
  }

  @Test
  public void pageHasTheShapeOfTorchServe() {
    family("Requests2XX", MetricType.COUNTER, "Count", "Level", "Hostname")
        .series("Host", "vm")
        .record(1);
    family("QueueTime", MetricType.GAUGE, "Milliseconds", "Level", "Hostname").series("Host", "vm");
    family("GPUUtilization", MetricType.GAUGE, "Percent", "Level", "DeviceId", "Hostname");
    assertEquals(
        page(),
        DROPPED
            + """
            # HELP Requests2XX Torchserve prometheus counter metric with unit: Count
            # TYPE Requests2XX counter
            Requests2XX{Level="Host",Hostname="vm",} 1.0
            # HELP QueueTime Torchserve prometheus gauge metric with unit: Milliseconds
            # TYPE QueueTime gauge
            QueueTime{Level="Host",Hostname="vm",} 0.0
            # HELP GPUUtilization Torchserve prometheus gauge metric with unit: Percent
            # TYPE GPUUtilization gauge
            """);
  }

  @Test
  public void histogramHasCumulativeBucketsCountAndSum() {
    MetricDefinition definition =
        new MetricDefinition("took", MetricType.HISTOGRAM, "s", List.of("m"), List.of(0.5, 2.0));
    Recorder took = registry.register(definition).series("a");
    took.record(0.25);
    took.record(1);
    took.record(1);
    took.record(9);
    assertEquals(
        page(),
        DROPPED
            + """
            # HELP took Torchserve prometheus histogram metric with unit: s
            # TYPE took histogram
            took_bucket{m="a",le="0.5",} 1.0
            took_bucket{m="a",le="2.0",} 3.0
            took_bucket{m="a",le="+Inf",} 4.0
            took_count{m="a",} 4.0
            took_sum{m="a",} 11.25
            """);
  }

  @Test
  public void metricWithoutDimensionsHasNoBraces() {
    family("plain", MetricType.GAUGE, "Count").series().record(Double.NaN);
    MetricDefinition definition =
        new MetricDefinition("took", MetricType.HISTOGRAM, "s", List.of(), List.of(1.0));
    registry.register(definition).series();
    assertTrue(page().contains("\nplain NaN\n"), page());
    assertTrue(page().contains("\ntook_bucket{le=\"1.0\",} 0.0\n"), page());
    assertTrue(page().contains("\ntook_sum 0.0\n"), page());
  }

  @Test
  public void textOfOthersCannotBreakOut() {
    family("odd name", MetricType.GAUGE, "a\\b\nHELP", "la-bel")
        .series("a\"b\\c\nd} 1\rü")
        .record(Double.NEGATIVE_INFINITY);
    assertEquals(
        page(),
        DROPPED
            + "# HELP odd_name Torchserve prometheus gauge metric with unit: a\\\\b\\nHELP\n"
            + "# TYPE odd_name gauge\n"
            + "odd_name{la_bel=\"a\\\"b\\\\c\\nd} 1\rü\",} -Inf\n");
  }

  @Test
  public void filterGoesByTheNamesOfSamples() {
    family("a", MetricType.COUNTER, "Count").series().record(1);
    MetricDefinition definition =
        new MetricDefinition("took", MetricType.HISTOGRAM, "s", List.of(), List.of(1.0));
    registry.register(definition).series().record(1);
    assertEquals(filtered("nothing"), "");
    assertTrue(filtered("a").endsWith("\na 1.0\n"), filtered("a"));
    assertEquals(
        filtered("took_count"),
        """
        # HELP took Torchserve prometheus histogram metric with unit: s
        # TYPE took histogram
        took_count 1.0
        """);
    assertEquals(filtered("a", "took_sum").lines().count(), 6);
  }

  private MetricFamily family(String name, MetricType type, String unit, String... dimensions) {
    return registry.register(MetricDefinition.of(name, type, unit, List.of(dimensions)));
  }

  private String page() {
    return PrometheusText.of(registry, name -> true);
  }

  private String filtered(String... names) {
    return PrometheusText.of(registry, Set.of(names)::contains);
  }
}
