package org.tsnext.worker.output;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Instant;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.request.Header;

public class MetricLineTest {

  @Test
  public void aFullLineIsRead() {
    MetricSample sample =
        parse(
            "[METRICS]PredictionTime.ms:0.01|#ModelName:m,Level:Model|#type:GAUGE"
                + "|#hostname:h,1700000000,r-1,r-2");
    assertEquals(
        sample,
        new MetricSample(
            MetricType.GAUGE,
            "PredictionTime",
            "Milliseconds",
            0.01,
            Instant.ofEpochSecond(1_700_000_000),
            "r-1,r-2",
            List.of(new Header("ModelName", "m"), new Header("Level", "Model"))));
  }

  @Test
  public void whatTheOldFormatLostIsKept() {
    MetricSample sample =
        parse("[METRICS]tokens.out.per/s:1e+20|#Url:http://h:1/,bare|#hostname:h,1700000000.5");
    assertEquals(sample.name(), "tokens.out");
    assertEquals(sample.unit(), "per/s");
    assertEquals(sample.value(), 1e20);
    assertEquals(sample.type(), MetricType.GAUGE);
    assertEquals(sample.dimensions(), List.of(new Header("Url", "http://h:1/")));
    assertEquals(sample.time().toEpochMilli(), 1_700_000_000_500L);
    assertEquals(sample.requestIds(), "");
  }

  @DataProvider
  Object[][] ordinaryLines() {
    return new Object[][] {
      {"PredictionTime.ms:1|#hostname:h,1"},
      {"[METRICS]"},
      {"[METRICS]no value|#hostname:h,1"},
      {"[METRICS]nounit:1|#hostname:h,1"},
      {"[METRICS]a.b:x|#hostname:h,1"},
      {"[METRICS]a.b:1|#hostname:h"},
      {"[METRICS]a.b:1|#hostname:h,soon"},
      {"[METRICS]a.b:1"},
      {"[METRICS]a.b:1|#type:OTHER|#hostname:h,1"},
      {"[METRICS]a.b:1|#d:" + "x".repeat(20_000) + "|#hostname:h,1"},
    };
  }

  @Test(dataProvider = "ordinaryLines")
  public void otherLinesAreOutput(String line) {
    assertTrue(MetricLine.parse(line).isEmpty(), line);
  }

  @Test
  public void dimensionsAreCapped() {
    String line = "[METRICS]a.b:1|#" + "d:1,".repeat(200) + "|#hostname:h,1";
    assertEquals(parse(line).dimensions().size(), 64);
  }

  private static MetricSample parse(String line) {
    return MetricLine.parse(line).orElseThrow();
  }
}
