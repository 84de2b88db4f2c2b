package org.tsnext.server.logging;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.SampleListener;

/**
 * Writes the metrics that handlers emit to the logger {@code MODEL_METRICS}, one line each. Lines
 * are put together by the logging thread.
 */
public final class ModelMetricsLog implements SampleListener {
  private final Logger logger;
  private final String host;

  /**
   * @param host the name of this machine as it appears in the lines
   */
  public ModelMetricsLog(String host) {
    this.logger = LogManager.getLogger("MODEL_METRICS");
    this.host = host;
  }

  @Override
  public void recorded(MetricSample sample, String unit) {
    if (logger.isInfoEnabled()) {
      logger.info(new MetricLogMessage(sample, unit, host));
    }
  }
}
