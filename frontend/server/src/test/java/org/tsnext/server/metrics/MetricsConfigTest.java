package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricDefinitions;
import org.tsnext.core.metrics.MetricType;

public class MetricsConfigTest {
  /** The file that is in the package ts, seen from this module. */
  private static final Path SHIPPED = Path.of("../../ts-python/src/ts/configs/metrics.yaml");

  @Test
  public void metricsOfAllTypesAreRead() throws IOException {
    MetricDefinitions read =
        MetricsConfig.parse(
            """
            dimensions: [&level "Level", &host "Hostname"]
            ts_metrics:
              counter: [{name: Requests2XX, unit: Count, dimensions: [*level, *host]}]
            model_metrics:
              counter:
              gauge: [{name: HandlerTime, unit: ms, dimensions: [*level]}]
              histogram:
                - {name: Size, unit: Bytes}
                - {name: Rows, unit: Count, buckets: [1, 2.5, 8]}
            """);
    assertEquals(
        read.frontend(),
        List.of(
            MetricDefinition.of(
                "Requests2XX", MetricType.COUNTER, "Count", List.of("Level", "Hostname"))));
    assertEquals(
        read.model(),
        List.of(
            MetricDefinition.of("HandlerTime", MetricType.GAUGE, "ms", List.of("Level")),
            MetricDefinition.of("Size", MetricType.HISTOGRAM, "Bytes", List.of()),
            new MetricDefinition(
                "Rows", MetricType.HISTOGRAM, "Count", List.of(), List.of(1.0, 2.5, 8.0))));
  }

  @Test
  public void shippedFileDeclaresTheMetricsOfTorchServe() throws IOException {
    MetricDefinitions read = MetricsConfig.read(SHIPPED);
    assertEquals(read.frontend().size(), 19);
    assertTrue(
        read.frontend().stream()
            .map(metric -> metric.dimensions().get(metric.dimensions().size() - 1))
            .allMatch("hostname"::equalsIgnoreCase));
    assertEquals(
        read.model().stream().map(MetricDefinition::name).toList(),
        List.of(
            "HandlerTime",
            "PredictionTime",
            "ts_handler_preprocess",
            "ts_handler_inference",
            "ts_handler_postprocess"));
  }

  @Test
  public void fileWithoutMetricsDeclaresNone() throws IOException {
    for (String text : List.of("", "# nothing", "ts_metrics:\nmodel_metrics:", "ts_metrics: {}")) {
      assertEquals(MetricsConfig.parse(text), new MetricDefinitions(List.of(), List.of()), text);
    }
  }

  @DataProvider
  public Object[][] refused() {
    String gauge = "model_metrics: {gauge: [{name: A, unit: ms}, %s]}";
    return new Object[][] {
      {"- a", "the file is a list, expected a map"},
      {
        "metrics: {}",
        "the file has the key 'metrics', expected only dimensions, model_metrics, ts_"
      },
      {"model_metrics: 3", "model_metrics is 3, expected a map"},
      {
        "model_metrics: {gauges: []}",
        "model_metrics has the key 'gauges', expected only counter, ga"
      },
      {"ts_metrics: {gauge: {a: 1}}", "ts_metrics.gauge is a map, expected a list"},
      {gauge.formatted("x"), "model_metrics.gauge, entry 2 is 'x', expected a map"},
      {gauge.formatted("{unit: ms}"), "model_metrics.gauge, entry 2: name is missing, expected"},
      {gauge.formatted("{name: ' ', unit: ms}"), "entry 2: name is ' ', expected a text"},
      {gauge.formatted("{name: 3, unit: ms}"), "entry 2: name is 3, expected a text"},
      {gauge.formatted("{name: \"a\\nb\", unit: ms}"), "name is 'a\\u000ab', expected a text"},
      {gauge.formatted("{name: B}"), "gauge, entry 2 (B): unit is missing, expected a text"},
      {gauge.formatted("{name: B, unit: ''}"), "entry 2 (B): unit is '', expected a text"},
      {gauge.formatted("{name: B, unit: [ms]}"), "entry 2 (B): unit is a list, expected a text"},
      {gauge.formatted("{name: B, unit: ms, type: x}"), "entry 2 (B) has the key 'type', expected"},
      {gauge.formatted("{name: B, unit: ms, buckets: [1]}"), "entry 2 (B) has the key 'buckets'"},
      {gauge.formatted("{name: B, unit: ms, dimensions: Level}"), "dimensions is 'Level', expecte"},
      {gauge.formatted("{name: B, unit: ms, dimensions: [x, '']}"), "a dimension is '', expected"},
      {gauge.formatted("{name: B, unit: ms, dimensions: [x, x]}"), "the dimension x twice"},
      {gauge.formatted("{name: A, unit: s}"), "metric A is there twice, expected it once"},
      {"ts_metrics: {gauge: [{name: A, unit: ms}]}", "expected at least that of the host name"},
      {
        "model_metrics: {histogram: [{name: A, unit: ms, buckets: [x]}]}", "buckets is 'x', expecte"
      },
      {"model_metrics: {histogram: [{name: A, unit: ms, buckets: [2, 1]}]}", "rising finite numb"},
      {
        "ts_metrics: {gauge: [{name: A, unit: ms, dimensions: [h]}]}\n"
            + "model_metrics: {gauge: [{name: A, unit: ms}]}",
        "metric A is there twice, expected it once"
      },
      {"a: [", "it is not YAML: line 1"},
      {"a: 1\na: 2", "it is not YAML: "},
      {"model_metrics: !!java.io.File [/tmp]", "it is not YAML: "},
      {"a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]", "it is not YAML"},
      {"a: !!int x", "it is not YAML: "},
      {"a: " + "[".repeat(1000), "it is not YAML: "},
      {laughs(), "it is not YAML: "},
    };
  }

  private static String laughs() {
    StringBuilder text = new StringBuilder("a0: &a0 [x, x]\n");
    for (int i = 1; i < 100; i++) {
      text.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
    }
    return text.toString();
  }

  @Test(dataProvider = "refused", timeOut = 60_000)
  public void whatIsNoDeclarationIsRefusedWithItsPlace(String text, String expected) {
    IOException refusal = expectThrows(IOException.class, () -> MetricsConfig.parse(text));
    assertTrue(refusal.getMessage().contains(expected), refusal.getMessage());
  }

  @Test
  public void fileThatCannotBeReadOrIsTooLargeIsRefused() throws IOException {
    Path file = Files.createTempFile("metrics", ".yaml");
    try {
      Files.writeString(file, "a: '" + "x".repeat(1 << 20) + "'");
      assertTrue(refusal(file).contains("more than the 1048576 bytes"), refusal(file));
      Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0xff});
      assertTrue(refusal(file).contains("not UTF-8"), refusal(file));
      Files.delete(file);
      assertTrue(refusal(file).contains("Cannot read the file: "), refusal(file));
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static String refusal(Path file) {
    return expectThrows(IOException.class, () -> MetricsConfig.read(file)).getMessage();
  }
}
