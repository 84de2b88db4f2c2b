package org.tsnext.core.worker;

import org.tsnext.core.metrics.MetricSample;

/** Takes the metric samples that handlers emit. Called from worker threads; does not block. */
public interface MetricsRecorder {

  /** Records a sample of a model. */
  void record(String modelName, String modelVersion, MetricSample sample);
}
