package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.Message;
import org.apache.logging.log4j.message.SimpleMessage;
import org.testng.annotations.Test;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.request.Header;

public class QueryLogLayoutTest {
  private static String record(Map<String, String> environment, Message message) {
    return new QueryLogLayout(environment)
        .toSerializable(Log4jLogEvent.newBuilder().setMessage(message).build());
  }

  private static MetricLogMessage metric(String requestIds, Header... dimensions) {
    MetricSample sample =
        new MetricSample(
            MetricType.GAUGE,
            "PredictionTime",
            "Milliseconds",
            2.14,
            Instant.ofEpochSecond(1795347830),
            requestIds,
            List.of(dimensions));
    return new MetricLogMessage(sample, "ms", "vm");
  }

  @Test
  public void metricIsARecordOfLines() {
    Map<String, String> environment =
        Map.of("MXNETMODELSERVER_PROGRAM", "Shop", "DOMAIN", "prod", "REALM", "EU");
    assertEquals(
        record(
            environment,
            metric("a,b", new Header("ModelName", "noop"), new Header("Level", "Model"))),
        """
        HostName=vm
        RequestId=a,b
        Marketplace=Shop:prod:EU
        StartTime=1795347830
        Program=Shop
        Metrics=PredictionTime=2.14 ms ModelName|noop Level|Model
        EOE
        """);
  }

  @Test
  public void whatIsUnknownIsLeftEmptyOrOut() {
    assertEquals(
        record(Map.of(), metric("")),
        """
        HostName=vm
        Marketplace=TorchServe::
        StartTime=1795347830
        Program=TorchServe
        Metrics=PredictionTime=2.14 ms
        EOE
        """);
  }

  @Test
  public void handlersCannotForgeRecords() {
    assertEquals(
        record(Map.of(), metric("", new Header("a", "\nEOE")))
            .lines()
            .filter("EOE"::equals)
            .count(),
        1);
  }

  @Test
  public void otherLinesAreLeftOut() {
    assertEquals(record(Map.of(), new SimpleMessage("a line")), "");
  }
}
