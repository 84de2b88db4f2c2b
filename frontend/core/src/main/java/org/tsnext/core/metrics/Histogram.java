package org.tsnext.core.metrics;

import java.util.List;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** Values counted by size. */
public final class Histogram implements Series, Recorder {

  private final double[] bounds;

  /** One more than there are bounds: the last is for what is above all of them. */
  private final LongAdder[] buckets;

  private final DoubleAdder sum = new DoubleAdder();

  Histogram(List<Double> bounds) {
    this.bounds = bounds.stream().mapToDouble(Double::doubleValue).toArray();
    this.buckets = new LongAdder[this.bounds.length + 1];
    for (int i = 0; i < buckets.length; i++) {
      buckets[i] = new LongAdder();
    }
  }

  @Override
  public void record(double value) {
    if (Double.isNaN(value)) {
      return;
    }
    int bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) {
      bucket++;
    }
    buckets[bucket].increment();
    sum.add(value);
  }

  /**
   * What it holds, consistent in itself: the last count is the number of all values. The sum may be
   * ahead by values that come meanwhile.
   */
  public Reading read() {
    long[] cumulative = new long[buckets.length];
    long count = 0;
    for (int i = 0; i < buckets.length; i++) {
      count += buckets[i].sum();
      cumulative[i] = count;
    }
    return new Reading(cumulative, sum.sum());
  }

  /** A histogram at one moment. */
  public static final class Reading {
    private final long[] cumulative;
    private final double sum;

    private Reading(long[] cumulative, double sum) {
      this.cumulative = cumulative;
      this.sum = sum;
    }

    /** How many values were at most the bound with that index. */
    public long upTo(int bound) {
      return cumulative[bound];
    }

    /** How many values there were. */
    public long count() {
      return cumulative[cumulative.length - 1];
    }

    /** All values together. */
    public double sum() {
      return sum;
    }
  }
}
