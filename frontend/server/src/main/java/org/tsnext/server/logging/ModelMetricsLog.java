package org.tsnext.server.logging;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.tsnext.core.metrics.MetricDefinition;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.worker.MetricsRecorder;

/**
 * Writes the metrics that handlers emit to the logger {@code MODEL_METRICS}, one line each. Lines
 * are put together by the logging thread.
 */
public final class ModelMetricsLog implements MetricsRecorder {
  private final Logger logger;
  private final Map<String, String> units;
  private final String host;

  /**
   * @param declared metrics of models; lines show their unit, whatever word the handler used
   * @param host the name of this machine as it appears in the lines
   */
  public ModelMetricsLog(List<MetricDefinition> declared, String host) {
    this(
        LogManager.getLogger("MODEL_METRICS"),
        declared.stream().collect(Collectors.toMap(MetricDefinition::name, MetricDefinition::unit)),
        host);
  }

  ModelMetricsLog(Logger logger, Map<String, String> units, String host) {
    this.logger = logger;
    this.units = Map.copyOf(units);
    this.host = host;
  }

  @Override
  public void record(String modelName, String modelVersion, MetricSample sample) {
    if (logger.isInfoEnabled()) {
      String unit = units.getOrDefault(sample.name(), sample.unit());
      logger.info(new ModelMetricLine(sample, unit, host));
    }
  }
}
