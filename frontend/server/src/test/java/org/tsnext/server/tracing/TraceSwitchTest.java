package org.tsnext.server.tracing;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import java.util.Map;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class TraceSwitchTest {

  @DataProvider
  public Object[][] environments() {
    String endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    return new Object[][] {
      {Map.of(), false},
      {Map.of("OTEL_SERVICE_NAME", "digits"), false},
      {Map.of(endpoint, ""), false},
      {Map.of(endpoint, "http://collector:4317"), true},
      {Map.of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces"), true},
      {Map.of("OTEL_TRACES_EXPORTER", "otlp"), true},
      {Map.of("OTEL_TRACES_EXPORTER", "none"), false},
      {Map.of("OTEL_TRACES_EXPORTER", "none", endpoint, "http://collector:4317"), false},
      {Map.of("OTEL_TRACES_EXPORTER", "otlp", "OTEL_SDK_DISABLED", "TRUE"), false},
      {Map.of(endpoint, "http://collector:4317", "OTEL_SDK_DISABLED", "false"), true},
    };
  }

  @Test(dataProvider = "environments")
  public void tracesAreOnWhereTheVariablesSaySo(Map<String, String> environment, boolean on) {
    assertEquals(TraceSwitch.isOn(environment), on);
  }

  @DataProvider
  public Object[][] exporters() {
    return new Object[][] {
      {"otlp", true},
      {"", true},
      {" otlp ", true},
      {"console", false},
      {"otlp,zipkin", false},
      {"otlp,none", false},
      {"OTLP", false},
    };
  }

  @Test(dataProvider = "exporters")
  public void exporterThatTheServerHasNotIsToldWithWhatItHas(String named, boolean there) {
    Map<String, String> environment = Map.of("OTEL_TRACES_EXPORTER", named);
    if (there) {
      TraceSwitch.checkExporters(environment);
    } else {
      IllegalArgumentException refusal =
          expectThrows(
              IllegalArgumentException.class, () -> TraceSwitch.checkExporters(environment));
      assertEquals(
          refusal.getMessage(),
          "OTEL_TRACES_EXPORTER="
              + named
              + ": expected otlp, or none to switch traces off; the server has no other exporter.");
    }
  }
}
