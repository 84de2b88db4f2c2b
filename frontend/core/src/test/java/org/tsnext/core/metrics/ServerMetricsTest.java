package org.tsnext.core.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;
import static org.tsnext.core.testing.MetricReader.value;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;

/** Declarations, and what handlers emit. */
public class ServerMetricsTest {

  private MetricRegistry registry;
  private final List<String> logged = new ArrayList<>();

  @BeforeMethod
  public void newRegistry() {
    registry = new MetricRegistry(3);
    logged.clear();
  }

  @Test
  public void whatIsNotDeclaredIsNotRecorded() {
    ServerMetrics metrics = metrics(List.of(), List.of(), false);
    metrics.responded(200);
    assertTrue(registry.find("Requests2XX").isEmpty());
    assertTrue(registry.find("ts_requests_total").isPresent());
  }

  @Test
  public void responsesCountByTheClassOfTheirStatus() {
    ServerMetrics metrics = metrics(MetricDefinitions.defaults().frontend(), List.of(), false);
    for (int status : new int[] {200, 204, 302, 400, 404, 499, 500, 599, 777, 101, 0}) {
      metrics.responded(status);
    }
    assertEquals(value(registry, "Requests2XX", "Host", "h"), 2.0);
    assertEquals(value(registry, "Requests4XX", "Host", "h"), 3.0);
    assertEquals(value(registry, "Requests5XX", "Host", "h"), 3.0);
  }

  @Test
  public void dimensionsAreCalledAsTheFileSays() {
    MetricDefinition declared =
        MetricDefinition.of(
            "QueueTime", MetricType.HISTOGRAM, "Milliseconds", List.of("tier", "node"));
    metrics(List.of(declared), List.of(), false).ofHost(ServerMetric.QUEUE_TIME).record(3);
    MetricFamily family = registry.find("QueueTime").orElseThrow();
    assertEquals(family.exposedDimensions(), List.of("tier", "node"));
    family.forEach((labels, series) -> assertEquals(((Histogram) series).read().count(), 1));
  }

  @Test
  public void declarationThatDoesNotFitIsRefusedInWords() {
    assertRefused(
        MetricDefinition.of("QueueTime", MetricType.GAUGE, "Milliseconds", List.of("Level")),
        "metric QueueTime is declared with the dimensions [Level], expected 2 as in [Level,"
            + " Hostname]");
    assertRefused(
        MetricDefinition.of(
            "ts_queue_length", MetricType.COUNTER, "Count", List.of("model", "version")),
        "metric ts_queue_length is declared as a counter, expected a gauge");
  }

  @Test
  public void declaredSampleFindsItsSeriesByTheNamesOfItsDimensions() {
    ServerMetrics metrics = metrics(List.of(), List.of(tokens("ModelName", "Level")), false);
    VersionMetrics version = metrics.ofVersion("m", "1.0");
    version.emitted(sample("Tokens", 2, "Level", "Model", "extra", "x", "ModelName", "m"));
    version.emitted(sample("Tokens", 3, "ModelName", "m", "Level", "Model"));
    assertEquals(value(registry, "Tokens", "m", "Model", "h"), 5.0);
    assertEquals(logged, List.of("Tokens tok 2.0", "Tokens tok 3.0"));
  }

  @Test
  public void sampleWithoutADimensionIsLeftOut() {
    ServerMetrics metrics = metrics(List.of(), List.of(tokens("ModelName", "Level")), true);
    metrics.ofVersion("m", "1.0").emitted(sample("Tokens", 2, "ModelName", "m"));
    assertEquals(registry.find("Tokens").orElseThrow().size(), 0);
    assertEquals(logged, List.of());
  }

  @Test
  public void undeclaredSampleIsKeptOnlyWhereThatIsAsked() {
    metrics(List.of(), List.of(), false).ofVersion("m", "1.0").emitted(sample("New", 1, "d", "v"));
    assertTrue(registry.find("New").isEmpty());
    assertEquals(logged, List.of());

    newRegistry();
    VersionMetrics version = metrics(List.of(), List.of(), true).ofVersion("m", "1.0");
    version.emitted(sample("New", 1, "d", "v"));
    version.emitted(sample("New", 1, "d", "w"));
    version.emitted(sample("New", 1, "other", "w"));
    assertEquals(value(registry, "New", "v", "h"), 1.0);
    assertEquals(value(registry, "New", "w", "h"), 1.0);
    assertEquals(registry.find("New").orElseThrow().definition().unit(), "Tokens");
    assertEquals(registry.find("New").orElseThrow().size(), 2);
  }

  @Test
  public void handlerCannotWriteToMetricsOfTheServer() {
    VersionMetrics version =
        metrics(MetricDefinitions.defaults().frontend(), List.of(), true).ofVersion("m", "1.0");
    version.emitted(sample("Requests2XX", 100, "Level", "Host"));
    version.emitted(sample("ts_request_latency_seconds_count", 100));
    assertEquals(value(registry, "Requests2XX", "Host", "h"), 0.0);
    assertTrue(registry.find("ts_request_latency_seconds_count").isEmpty());
  }

  @Test
  public void handlerThatMakesUpNamesAndLabelsIsBounded() {
    ServerMetrics metrics = metrics(List.of(), List.of(tokens("user")), true);
    VersionMetrics version = metrics.ofVersion("m", "1.0");
    for (int i = 0; i < 2000; i++) {
      version.emitted(sample("made up " + i, 1));
      version.emitted(sample("Tokens", 1, "user", "u" + i));
    }
    assertTrue(registry.families().size() < 1100, "metrics: " + registry.families().size());
    assertEquals(registry.find("Tokens").orElseThrow().size(), 3);
    assertEquals(value(registry, MetricRegistry.DROPPED, "Tokens"), 1997.0);
  }

  @Test
  public void longNamesAndValuesAreLeftOut() {
    VersionMetrics version =
        metrics(List.of(), List.of(tokens("user")), true).ofVersion("m", "1.0");
    String text = "x".repeat(1025);
    version.emitted(sample("Tokens", 1, "user", text));
    version.emitted(sample(text, 1));
    version.emitted(sample("New", 1, text, "v"));
    assertEquals(registry.find("Tokens").orElseThrow().size(), 0);
    assertTrue(registry.find(text).isEmpty());
    assertTrue(registry.find("New").isEmpty());
    version.emitted(sample("Tokens", 1, "user", "x".repeat(1024)));
    assertEquals(registry.find("Tokens").orElseThrow().size(), 1);
  }

  @Test
  public void seriesOfAHandlerEndWithTheLastVersionThatFedThem() {
    ServerMetrics metrics = metrics(List.of(), List.of(tokens("ModelName")), false);
    VersionMetrics first = metrics.ofVersion("m", "1.0");
    VersionMetrics second = metrics.ofVersion("m", "2.0");
    first.emitted(sample("Tokens", 1, "ModelName", "m"));
    second.emitted(sample("Tokens", 1, "ModelName", "m"));
    first.close();
    assertEquals(value(registry, "Tokens", "m", "h"), 2.0);
    second.close();
    second.emitted(sample("Tokens", 1, "ModelName", "m"));
    assertEquals(registry.find("Tokens").orElseThrow().size(), 0);
  }

  @Test
  public void everyMetricHasAMeaningAndALowerCaseNameIfItIsOurs() {
    for (ServerMetric metric : ServerMetric.values()) {
      assertFalse(metric.meaning().isBlank());
      if (metric.origin() == ServerMetric.Origin.OURS) {
        assertTrue(metric.definition().name().matches("ts_[a-z_]+"), metric.definition().name());
      }
    }
    assertEquals(MetricDefinitions.defaults().frontend().size(), 19);
  }

  private void assertRefused(MetricDefinition declared, String message) {
    newRegistry();
    assertEquals(
        expectThrows(
                IllegalArgumentException.class, () -> metrics(List.of(declared), List.of(), false))
            .getMessage(),
        message);
  }

  private ServerMetrics metrics(
      List<MetricDefinition> frontend, List<MetricDefinition> model, boolean autoDetect) {
    return new ServerMetrics(
        registry,
        new MetricDefinitions(frontend, model),
        autoDetect,
        "h",
        (sample, unit) -> logged.add(sample.name() + " " + unit + " " + sample.value()));
  }

  private static MetricDefinition tokens(String... dimensions) {
    return MetricDefinition.of("Tokens", MetricType.COUNTER, "tok", List.of(dimensions));
  }

  private static MetricSample sample(String name, double value, String... namesAndValues) {
    List<Header> dimensions = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      dimensions.add(new Header(namesAndValues[i], namesAndValues[i + 1]));
    }
    return new MetricSample(
        MetricType.COUNTER, name, "Tokens", value, Instant.EPOCH, "", dimensions);
  }
}
