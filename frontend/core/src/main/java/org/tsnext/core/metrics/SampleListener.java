package org.tsnext.core.metrics;

/** Is told what handlers emit. Called from worker threads; does not block. */
@FunctionalInterface
public interface SampleListener {

  /** Who does not want to know. */
  SampleListener NONE = (sample, unit) -> {};

  /**
   * A sample was recorded.
   *
   * @param unit of the metric's declaration, which may be another word than the sample's
   */
  void recorded(MetricSample sample, String unit);
}
