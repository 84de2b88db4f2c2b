package org.tsnext.core.metrics;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** Values counted by size. */
public final class Histogram implements Series, Recorder {

  private final double[] bounds;

  /** One more than there are bounds: the last is for what is above all of them. */
  private final LongAdder[] buckets;

  private final DoubleAdder sum = new DoubleAdder();

  /** By bucket; null until there is one. */
  private volatile AtomicReferenceArray<Exemplar> exemplars;

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
    buckets[bucketOf(value)].increment();
    sum.add(value);
  }

  @Override
  public void record(Exemplar exemplar) {
    record(exemplar.value());
    if (!Double.isNaN(exemplar.value())) {
      ofBuckets().set(bucketOf(exemplar.value()), exemplar);
    }
  }

  private int bucketOf(double value) {
    int bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) {
      bucket++;
    }
    return bucket;
  }

  private synchronized AtomicReferenceArray<Exemplar> ofBuckets() {
    if (exemplars == null) {
      exemplars = new AtomicReferenceArray<>(buckets.length);
    }
    return exemplars;
  }

  /** The last value of a bucket whose trace is known. */
  public Optional<Exemplar> exemplar(int bucket) {
    AtomicReferenceArray<Exemplar> all = exemplars;
    return all == null ? Optional.empty() : Optional.ofNullable(all.get(bucket));
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
