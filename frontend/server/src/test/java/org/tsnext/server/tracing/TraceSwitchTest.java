package org.tsnext.server.tracing;

import static org.testng.Assert.assertEquals;

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
}
