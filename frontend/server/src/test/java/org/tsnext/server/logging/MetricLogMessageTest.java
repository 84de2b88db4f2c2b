package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;

import java.time.Instant;
import java.util.List;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.request.Header;

public class MetricLogMessageTest {
  private static String line(String name, String requestIds, List<Header> dimensions) {
    MetricSample sample =
        new MetricSample(
            MetricType.GAUGE,
            name,
            "Milliseconds",
            2.14,
            Instant.ofEpochSecond(1795347830, 999_000_000),
            requestIds,
            dimensions);
    return new MetricLogMessage(sample, "ms", "vm").getFormattedMessage();
  }

  @Test
  public void lineHasTheFormThatToolsParse() {
    assertEquals(
        line(
            "PredictionTime",
            "55cb0329,55cb0330",
            List.of(new Header("ModelName", "noop"), new Header("Level", "Model"))),
        "PredictionTime.ms:2.14|#ModelName:noop,Level:Model|#hostname:vm,"
            + "requestID:55cb0329,55cb0330,timestamp:1795347830");
  }

  @Test
  public void withoutRequestIdsThatPartIsLeftOut() {
    assertEquals(line("Loads", "", List.of()), "Loads.ms:2.14|#|#hostname:vm,timestamp:1795347830");
  }

  @Test
  public void handlersCannotForgeLines() {
    assertEquals(
        line("a\nb", "", List.of(new Header("x", "1\r\n2"))),
        "a?b.ms:2.14|#x:1??2|#hostname:vm,timestamp:1795347830");
  }
}
