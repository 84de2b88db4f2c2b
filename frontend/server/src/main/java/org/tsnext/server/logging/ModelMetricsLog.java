package org.tsnext.server.logging;

import java.util.Map;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
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
   * @param units of metrics by name, see {@link DeclaredUnits}
   * @param host the name of this machine as it appears in the lines
   */
  public ModelMetricsLog(Map<String, String> units, String host) {
    this(LogManager.getLogger("MODEL_METRICS"), units, host);
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
