package org.tsnext.server.logging;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.tsnext.core.worker.MetricSample;
import org.tsnext.core.worker.MetricsRecorder;

/**
 * Writes the metrics that handlers emit to the logger {@code MODEL_METRICS}, one line each. Lines
 * are put together by the logging thread.
 */
public final class ModelMetricsLog implements MetricsRecorder {
  private final Logger logger;
  private final String host;

  /**
   * @param host the name of this machine as it appears in the lines
   */
  public ModelMetricsLog(String host) {
    this(LogManager.getLogger("MODEL_METRICS"), host);
  }

  ModelMetricsLog(Logger logger, String host) {
    this.logger = logger;
    this.host = host;
  }

  @Override
  public void record(String modelName, String modelVersion, MetricSample sample) {
    if (logger.isInfoEnabled()) {
      logger.info(new ModelMetricLine(sample, host));
    }
  }
}
