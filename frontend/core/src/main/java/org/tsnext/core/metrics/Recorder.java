package org.tsnext.core.metrics;

/** Takes values. From any thread, without blocking and without allocating. */
@FunctionalInterface
public interface Recorder {

  /** For a metric that is not wanted. */
  Recorder NONE = value -> {};

  /**
   * A step of a counter, the new value of a gauge, or a value of a histogram. Counters leave out
   * steps that are negative or not finite, histograms leave out NaN.
   */
  void record(double value);

  /** A value whose trace is known; histograms keep the last one of each bucket. */
  default void record(Exemplar exemplar) {
    record(exemplar.value());
  }
}
