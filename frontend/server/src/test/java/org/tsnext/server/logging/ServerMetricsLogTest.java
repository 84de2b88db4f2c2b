package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.metrics.Recorder;
import org.tsnext.core.testing.ManualTime;

public class ServerMetricsLogTest {
  private final List<String> lines = new ArrayList<>();
  private ManualTime time;
  private MetricRegistry registry;
  private List<MetricFamily> families;
  private ServerMetricsLog log;

  @BeforeMethod
  public void declare() {
    lines.clear();
    time = new ManualTime();
    registry = new MetricRegistry(10);
    families = new ArrayList<>();
  }

  @AfterMethod
  public void nothingIsWrittenAfterTheEnd() {
    log.close();
    int before = lines.size();
    time.advance(Duration.ofMinutes(1));
    assertEquals(lines.size(), before);
  }

  @Test
  public void linesOfOneSecondAreOneLinePerSeries() {
    MetricFamily requests = family("Requests2XX", MetricType.COUNTER, "Count", "Level");
    MetricFamily queue = family("QueueTime", MetricType.GAUGE, "Milliseconds", "Level");
    start();
    Recorder two = requests.series("Host", "vm");
    two.record(1);
    two.record(1);
    queue.series("Host", "vm").record(3);
    queue.series("Host", "vm").record(7);
    time.advance(Duration.ofSeconds(1));
    assertEquals(
        lines,
        List.of(
            "Requests2XX.Count:2.0|#Level:Host|#hostname:vm,timestamp:" + seconds(),
            "QueueTime.Milliseconds:7.0|#Level:Host|#hostname:vm,timestamp:" + seconds()));
  }

  @Test
  public void seriesWithoutNewValuesAreNotWritten() {
    MetricFamily requests = family("Requests2XX", MetricType.COUNTER, "Count", "Level");
    MetricFamily queue = family("QueueTime", MetricType.GAUGE, "Milliseconds", "Level");
    start();
    requests.series("Host", "vm").record(1);
    queue.series("Host", "vm").record(3);
    time.advance(Duration.ofSeconds(1));
    lines.clear();
    time.advance(Duration.ofSeconds(5));
    assertEquals(lines, List.of());
    requests.series("Host", "vm").record(1);
    queue.series("Host", "vm").record(3);
    time.advance(Duration.ofSeconds(1));
    assertEquals(lines.size(), 2, lines.toString());
    assertEquals(lines.get(0).startsWith("Requests2XX.Count:1.0|"), true, lines.toString());
  }

  @Test
  public void histogramIsWrittenAsItsMean() {
    MetricFamily queue = family("QueueTime", MetricType.HISTOGRAM, "Milliseconds", "Level");
    start();
    queue.series("Host", "vm").record(2);
    queue.series("Host", "vm").record(4);
    time.advance(Duration.ofSeconds(1));
    queue.series("Host", "vm").record(8);
    time.advance(Duration.ofSeconds(1));
    assertEquals(lines.get(0).startsWith("QueueTime.Milliseconds:3.0|"), true, lines.toString());
    assertEquals(lines.get(1).startsWith("QueueTime.Milliseconds:8.0|"), true, lines.toString());
  }

  @Test
  public void whatCameLastIsWrittenAtTheEnd() {
    MetricFamily requests = family("Requests2XX", MetricType.COUNTER, "Count", "Level");
    start();
    requests.series("Host", "vm").record(1);
    log.close();
    assertEquals(lines.size(), 1);
  }

  private MetricFamily family(String name, MetricType type, String unit, String dimension) {
    MetricFamily family =
        registry.register(MetricDefinition.of(name, type, unit, List.of(dimension, "Hostname")));
    families.add(family);
    return family;
  }

  private void start() {
    log =
        new ServerMetricsLog(
            message -> lines.add(message.getFormattedMessage()), families, "vm", time, time);
    log.start();
  }

  private long seconds() {
    return time.now().getEpochSecond();
  }
}
