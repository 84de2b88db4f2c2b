package org.tsnext.core.metrics;

import java.util.List;

/** Hears of each value that a series of a {@link MetricFamily} gets, on the thread that has it. */
@FunctionalInterface
public interface SeriesListener {

  /**
   * A value came.
   *
   * @param labels values of the dimensions, in order
   */
  void recorded(List<String> labels, double value);
}
