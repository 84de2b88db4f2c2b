package org.tsnext.worker.output;

import org.tsnext.core.metrics.MetricSample;

/** A worker process that prints. Its methods are called by the thread that reads from init. */
public interface OutputSource {

  /** The name of the worker, such as {@code W-9000-digits_1.0}. */
  String workerName();

  /** Takes a line that is not a metric. */
  void onLine(boolean stderr, String line);

  /** Takes a line that is a metric. */
  void onMetric(MetricSample sample);
}
