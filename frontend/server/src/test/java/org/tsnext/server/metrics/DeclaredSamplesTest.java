package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricFamily;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.metrics.SingleValue;
import org.tsnext.core.request.Header;

public class DeclaredSamplesTest {
  private MetricRegistry registry;

  @BeforeMethod
  public void makeRegistry() {
    registry = new MetricRegistry(10);
  }

  private MetricFamily gauge(String name, String... dimensions) {
    return registry.register(
        MetricDefinition.of(name, MetricType.GAUGE, "Percent", List.of(dimensions)));
  }

  private static Map<List<String>, Double> values(MetricFamily family) {
    Map<List<String>, Double> values = new HashMap<>();
    family.forEach((labels, series) -> values.put(labels, ((SingleValue) series).value()));
    return values;
  }

  @Test
  public void dimensionsAreFilledByPositionAndTheHostComesLast() {
    MetricFamily cpu = gauge("CPUUtilization", "Ebene", "Rechner");
    MetricFamily gpu = gauge("GPUUtilization", "Level", "DeviceId", "Hostname");
    DeclaredSamples samples = new DeclaredSamples(List.of(cpu, gpu), "h", new Complaints());
    samples.accept(HostSample.of("CPUUtilization", 3));
    samples.accept(HostSample.ofDevice("GPUUtilization", 4, 0));
    // As the collector of TorchServe 0.12 names it.
    Header device = new Header("device_id", "1");
    samples.accept(
        new HostSample("GPUUtilization", 5, List.of(new Header("Level", "Host"), device)));
    assertEquals(values(cpu), Map.of(List.of("Host", "h"), 3.0));
    assertEquals(
        values(gpu), Map.of(List.of("Host", "0", "h"), 4.0, List.of("Host", "1", "h"), 5.0));
  }

  @Test
  public void whatIsNotDeclaredOrDoesNotFitIsLeftOut() {
    MetricFamily cpu = gauge("MemoryUsed", "Level", "Rack", "Hostname");
    DeclaredSamples samples = new DeclaredSamples(List.of(cpu), "h", new Complaints());
    samples.accept(HostSample.of("MemoryUsed", 3));
    samples.accept(HostSample.of("ts_metric_values_dropped_total", 3));
    assertEquals(values(cpu), Map.of());
    assertEquals(registry.families().size(), 2);
  }
}
