package org.tsnext.http.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Instant;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.Exemplar;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.metrics.Recorder;

public class OpenMetricsTextTest {

  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  private final MetricRegistry registry = new MetricRegistry(10);

  private void define(String name, MetricType type, String unit, List<Double> bounds) {
    registry.register(new MetricDefinition(name, type, unit, List.of("m"), bounds));
  }

  private Recorder series(String name) {
    return registry.find(name).orElseThrow().series("a");
  }

  @Test
  public void pageKeepsTheNamesOfSamplesAndEndsWithItsEnd() {
    define("Requests2XX", MetricType.COUNTER, "Count", List.of());
    define("ts_requests_total", MetricType.COUNTER, "Count", List.of());
    define("took_seconds", MetricType.HISTOGRAM, "Seconds", List.of(0.5, 2.0));
    series("Requests2XX").record(1);
    series("ts_requests_total").record(2);
    series("took_seconds").record(0.25);
    series("took_seconds")
        .record(new Exemplar(1.5, TRACE, Instant.ofEpochMilli(1_795_353_600_123L)));
    assertEquals(
        OpenMetricsText.of(registry, name -> !name.startsWith("ts_metric")),
        """
        # HELP Requests2XX Torchserve prometheus counter metric with unit: Count
        # TYPE Requests2XX unknown
        Requests2XX{m="a"} 1.0
        # HELP ts_requests Torchserve prometheus counter metric with unit: Count
        # TYPE ts_requests counter
        ts_requests_total{m="a"} 2.0
        # HELP took_seconds Torchserve prometheus histogram metric with unit: Seconds
        # TYPE took_seconds histogram
        # UNIT took_seconds seconds
        took_seconds_bucket{m="a",le="0.5"} 1
        took_seconds_bucket{m="a",le="2.0"} 2 # {trace_id="%s"} 1.5 1795353600.123
        took_seconds_bucket{m="a",le="+Inf"} 2
        took_seconds_count{m="a"} 2
        took_seconds_sum{m="a"} 1.75
        # EOF
        """
            .formatted(TRACE));
  }

  @Test
  public void counterWhoseNameWithoutTotalIsTakenIsOfUnknownType() {
    MetricRegistry taken = new MetricRegistry(10);
    for (String name : List.of("Words", "Words_total")) {
      MetricType type = name.equals("Words") ? MetricType.GAUGE : MetricType.COUNTER;
      taken.register(new MetricDefinition(name, type, "Count", List.of(), List.of()));
    }
    String page = OpenMetricsText.of(taken, name -> true);
    assertTrue(page.contains("# TYPE Words gauge\n"), page);
    assertTrue(page.contains("# TYPE Words_total unknown\n"), page);
  }

  @Test
  public void labelsAreEscaped() {
    MetricRegistry odd = new MetricRegistry(10);
    odd.register(new MetricDefinition("g", MetricType.GAUGE, "Count", List.of("m"), List.of()))
        .series("a\"\\\nb")
        .record(1);
    assertTrue(OpenMetricsText.of(odd, name -> true).contains("g{m=\"a\\\"\\\\\\nb\"} 1.0\n"));
  }

  @DataProvider
  public Object[][] accepted() {
    return new Object[][] {
      {"application/openmetrics-text", true},
      {"application/openmetrics-text; version=1.0.0; q=0.5, text/plain;q=0.3", true},
      {"Application/OpenMetrics-Text;version=0.0.1", true},
      {"application/openmetrics-text;q=0.3,text/plain;q=0.5", false},
      {"application/openmetrics-text;q=0", false},
      {"application/openmetrics-text;version=2.0.0", false},
      {"*/*", false},
      {"", false},
      {";;,;q=,", false},
    };
  }

  @Test(dataProvider = "accepted")
  public void formatIsChosenByWhatTheClientPrefers(String accept, boolean chosen) {
    assertEquals(OpenMetricsText.isPreferred(List.of(accept)), chosen);
  }

  @Test
  public void clientThatSaysNothingGetsTheTextFormat() {
    assertFalse(OpenMetricsText.isPreferred(List.of()));
  }
}
