package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.xml.XmlConfiguration;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.request.Header;

/** What a log4j2 file of a user gets by {@code <JSONPatternLayout/>}. */
public class JsonLinesLayoutTest {
  private Path file;
  private LoggerContext context;

  @BeforeMethod
  public void start() throws IOException {
    file = Files.createTempFile("tsnext", ".log");
    String xml =
        """
        <Configuration packages="org.pytorch.serve.util.logging">
          <Appenders><File name="f" fileName="%s"><JSONPatternLayout/></File></Appenders>
          <Loggers><Root level="debug"><AppenderRef ref="f"/></Root></Loggers>
        </Configuration>
        """
            .formatted(file);
    context = new AsyncLoggerContext("json");
    context.start(
        new XmlConfiguration(
            context,
            new ConfigurationSource(
                new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8)))));
  }

  @AfterMethod(alwaysRun = true)
  public void remove() throws IOException {
    context.stop();
    Files.delete(file);
  }

  private List<JsonObject> lines() throws IOException {
    context.stop();
    return Files.readAllLines(file).stream()
        .map(line -> JsonParser.parseString(line).getAsJsonObject())
        .toList();
  }

  @Test
  public void lineIsAnObjectWithItsParts() throws IOException {
    context.getLogger("MODEL_LOG").warn("two\n\"lines\" <ä>");
    JsonObject line = lines().get(0);
    assertTrue(Instant.parse(line.remove("time").getAsString()).isAfter(Instant.EPOCH));
    line.remove("thread");
    assertEquals(
        line.toString(),
        "{\"level\":\"WARN\",\"logger\":\"MODEL_LOG\",\"message\":\"two\\n    \\\"lines\\\" <ä>\"}");
  }

  @Test
  public void exceptionIsInItsLine() throws IOException {
    context.getLogger("org.tsnext.x").error("it failed", new IllegalStateException("why"));
    List<JsonObject> lines = lines();
    assertEquals(lines.size(), 1);
    assertTrue(lines.get(0).get("exception").getAsString().contains("IllegalStateException: why"));
  }

  private void metric(String requestIds, double value, Header... dimensions) {
    MetricSample sample =
        new MetricSample(
            MetricType.GAUGE,
            "PredictionTime",
            "Milliseconds",
            value,
            Instant.ofEpochSecond(1795347830),
            requestIds,
            List.of(dimensions));
    context.getLogger("MODEL_METRICS").info(new MetricLogMessage(sample, "ms", "vm"));
  }

  @Test
  public void metricIsItsParts() throws IOException {
    metric("a-1,b-2", 2.14, new Header("ModelName", "no,op:\n"), new Header("Level", "Model"));
    metric("", 1);
    List<JsonObject> lines = lines();
    assertEquals(
        lines.get(0).toString(),
        "{\"MetricName\":\"PredictionTime\",\"Value\":2.14,\"Unit\":\"ms\",\"Dimensions\":["
            + "{\"Name\":\"ModelName\",\"Value\":\"no,op:\\n\"},{\"Name\":\"Level\",\"Value\":\"Model\"}],"
            + "\"Timestamp\":1795347830,\"RequestId\":\"a-1,b-2\",\"HostName\":\"vm\"}");
    assertEquals(
        lines.get(1).toString(),
        "{\"MetricName\":\"PredictionTime\",\"Value\":1.0,\"Unit\":\"ms\",\"Dimensions\":[],"
            + "\"Timestamp\":1795347830,\"HostName\":\"vm\"}");
  }

  @Test
  public void metricWithoutANumberIsStillJson() throws IOException {
    metric("", Double.NaN);
    context.getLogger("MODEL_METRICS").info("something else");
    List<JsonObject> lines = lines();
    assertEquals(lines.get(0).get("Value").getAsString(), "NaN");
    assertFalse(lines.get(1).has("MetricName"));
    assertEquals(lines.get(1).get("message").getAsString(), "something else");
  }
}
