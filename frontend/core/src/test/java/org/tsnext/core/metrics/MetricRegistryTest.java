package org.tsnext.core.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class MetricRegistryTest {

  private MetricRegistry registry;

  @BeforeMethod
  public void newRegistry() {
    registry = new MetricRegistry(3);
  }

  @Test
  public void seriesOfTheSameLabelsIsOneSeries() {
    MetricFamily family = counter("Requests", "Level", "Hostname");
    family.series("Host", "a").record(1);
    family.series("Host", "a").record(2.5);
    family.series("Host", "b").record(1);
    assertEquals(values(family), Map.of(List.of("Host", "a"), 3.5, List.of("Host", "b"), 1.0));
  }

  @Test
  public void counterLeavesOutStepsThatWouldSpoilIt() {
    MetricFamily family = counter("Requests");
    Recorder requests = family.series();
    for (double step : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY, 0, 1, 0.5}) {
      requests.record(step);
    }
    assertEquals(values(family), Map.of(List.of(), 1.5));
  }

  @Test
  public void gaugeTellsOnceThatAValueCame() {
    MetricFamily family = registry.register(definition("QueueTime", MetricType.GAUGE));
    Gauge gauge = (Gauge) family.series();
    assertEquals(gauge.takeFresh(), false);
    gauge.record(4);
    gauge.record(4);
    assertEquals(gauge.takeFresh(), true);
    assertEquals(gauge.takeFresh(), false);
    assertEquals(gauge.value(), 4.0);
  }

  @Test
  public void histogramCountsAValueInTheFirstBucketThatHoldsIt() {
    MetricDefinition definition =
        new MetricDefinition("size", MetricType.HISTOGRAM, "Count", List.of(), List.of(1.0, 10.0));
    Histogram histogram = (Histogram) registry.register(definition).series();
    for (double value : new double[] {-3, 1, 1.5, 10, 11, Double.NaN}) {
      histogram.record(value);
    }
    Histogram.Reading reading = histogram.read();
    assertEquals(reading.upTo(0), 2);
    assertEquals(reading.upTo(1), 4);
    assertEquals(reading.count(), 5);
    assertEquals(reading.sum(), 20.5);
  }

  @Test
  public void defaultBoundsFitTheUnit() {
    assertEquals(boundsOf("Seconds").get(0), 0.0005);
    assertEquals(boundsOf("ms").get(0), 0.5);
    assertEquals(boundsOf("Milliseconds").get(2), 2.5);
    assertEquals(boundsOf("Microseconds").get(15), 6e7);
    assertEquals(boundsOf("Percent").get(9), 100.0);
    assertEquals(boundsOf("bytes").get(0), 256.0);
    assertEquals(boundsOf("tokens").get(0), 1.0);
  }

  @Test
  public void moreLabelsThanAllowedAreDroppedAndCounted() {
    MetricFamily family = counter("Requests", "user");
    for (int user = 0; user < 5; user++) {
      family.series("u" + user).record(1);
    }
    family.series("u0").record(1);
    assertEquals(family.size(), 3);
    assertEquals(values(family).get(List.of("u0")), 2.0);
    assertEquals(
        values(registry.find(MetricRegistry.DROPPED).orElseThrow()),
        Map.of(List.of("Requests"), 2.0));
  }

  @Test
  public void endedGroupEndsItsSeriesAndMakesRoom() {
    MetricFamily family = counter("Requests", "version");
    SeriesGroup first = new SeriesGroup();
    SeriesGroup second = new SeriesGroup();
    Recorder shared = first.series(family, List.of("default"));
    assertSame(second.series(family, List.of("default")), shared);
    first.series(family, List.of("1.0"));
    second.series(family, List.of("2.0"));
    first.close();
    assertEquals(values(family).keySet(), Set.of(List.of("default"), List.of("2.0")));
    second.close();
    assertEquals(family.size(), 0);
    assertSame(second.series(family, List.of("3.0")), Recorder.NONE);
    assertEquals(family.size(), 0);
  }

  @Test
  public void seriesThatStaysOutlivesEachGroup() {
    MetricFamily family = counter("Requests", "version");
    SeriesGroup group = new SeriesGroup();
    group.series(family, List.of("1.0")).record(1);
    family.series("1.0").record(1);
    group.close();
    assertEquals(values(family), Map.of(List.of("1.0"), 2.0));
  }

  @Test
  public void liveGaugeIsLookedUpWhenRead() {
    MetricFamily family = registry.register(definition("length", MetricType.GAUGE, "model"));
    List<String> queue = new ArrayList<>();
    SeriesGroup group = new SeriesGroup();
    group.live(family, List.of("m"), queue::size);
    queue.add("request");
    assertEquals(values(family), Map.of(List.of("m"), 1.0));
    group.close();
    assertEquals(family.size(), 0);
  }

  @Test
  public void namesThatWouldBeShownAlikeAreRefused() {
    registry.register(definition("tokens/s", MetricType.GAUGE));
    registry.register(definition("latency", MetricType.HISTOGRAM));
    for (String name : List.of("tokens_s", "tokens/s", "latency_count", MetricRegistry.DROPPED)) {
      assertThrows(
          IllegalArgumentException.class,
          () -> registry.register(definition(name, MetricType.GAUGE)));
    }
    assertEquals(registry.families().size(), 3);
  }

  @Test
  public void exposedNamesHaveOnlyWhatAnExpositionCanWrite() {
    MetricFamily family = registry.register(definition("4 tokens/s:é", MetricType.GAUGE, "a-b:c"));
    assertEquals(family.exposedName(), "_4_tokens_s:_");
    assertEquals(family.exposedDimensions(), List.of("a_b_c"));
  }

  @Test
  public void wrongNumberOfLabelValuesIsRefusedInWords() {
    MetricFamily family = counter("Requests", "Level", "Hostname");
    assertTrue(
        expectThrows(IllegalArgumentException.class, () -> family.series("Host"))
            .getMessage()
            .contains("expected one for each of [Level, Hostname]"));
  }

  @Test
  public void valuesFromManyThreadsAreAllThere() throws InterruptedException {
    MetricFamily requests = counter("Requests", "version");
    MetricFamily sizes = registry.register(definition("size", MetricType.HISTOGRAM, "version"));
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Thread thread =
          new Thread(
              () -> {
                awaitStart(start);
                for (int n = 0; n < 10_000; n++) {
                  requests.series("1.0").record(n % 2 == 0 ? 1 : 0.5);
                  sizes.series("1.0").record(n % 300);
                }
              });
      threads.add(thread);
      thread.start();
    }
    start.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(values(requests), Map.of(List.of("1.0"), 30_000.0));
    Histogram histogram = (Histogram) sizes.series("1.0");
    assertEquals(histogram.read().count(), 40_000);
  }

  private static void awaitStart(CountDownLatch start) {
    try {
      start.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private MetricFamily counter(String name, String... dimensions) {
    return registry.register(definition(name, MetricType.COUNTER, dimensions));
  }

  private static MetricDefinition definition(String name, MetricType type, String... dimensions) {
    return MetricDefinition.of(name, type, "Count", List.of(dimensions));
  }

  private static List<Double> boundsOf(String unit) {
    return MetricDefinition.of("h", MetricType.HISTOGRAM, unit, List.of()).bounds();
  }

  private static Map<List<String>, Double> values(MetricFamily family) {
    Map<List<String>, Double> values = new HashMap<>();
    family.forEach((labels, series) -> values.put(labels, ((SingleValue) series).value()));
    return values;
  }
}
