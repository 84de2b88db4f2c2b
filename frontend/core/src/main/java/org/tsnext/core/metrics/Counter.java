package org.tsnext.core.metrics;

import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** A sum that never falls. */
public final class Counter implements SingleValue, Recorder {

  /** Steps of one, by far the most, are counted without losing any at 2^53. */
  private final LongAdder ones = new LongAdder();

  private final DoubleAdder others = new DoubleAdder();

  Counter() {}

  @Override
  public void record(double step) {
    if (step == 1) {
      ones.increment();
    } else if (step > 0 && step < Double.POSITIVE_INFINITY) {
      others.add(step);
    }
  }

  @Override
  public double value() {
    return ones.sum() + others.sum();
  }
}
