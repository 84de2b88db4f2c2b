package org.tsnext.core.history;

import java.util.List;
import org.tsnext.core.metrics.Histogram;

/** What has been counted of one version so far, over all protocols. Not thread-safe. */
final class VersionTotals {

  private long ended;
  private long errors;
  private final List<Double> bounds;
  private final long[] latencies;
  private final Sum latency = new Sum();
  private final Sum queueing = new Sum();
  private final Sum serving = new Sum();

  /** How many values there were, and all of them together. */
  private static final class Sum {
    private long count;
    private double total;

    void add(Histogram.Reading reading) {
      count += reading.count();
      total += reading.sum();
    }

    double meanSince(Sum before) {
      long more = count - before.count;
      return more <= 0 ? Double.NaN : Math.max(0, total - before.total) / more;
    }
  }

  /**
   * @param bounds of the histogram of latencies
   */
  VersionTotals(List<Double> bounds) {
    this.bounds = bounds;
    this.latencies = new long[bounds.size()];
  }

  void addEnded(long requests, boolean failed) {
    ended += requests;
    errors += failed ? requests : 0;
  }

  void addLatencies(Histogram.Reading reading) {
    for (int i = 0; i < latencies.length; i++) {
      latencies[i] += reading.upTo(i);
    }
    latency.add(reading);
  }

  void addQueueing(Histogram.Reading reading) {
    queueing.add(reading);
  }

  void addServing(Histogram.Reading reading) {
    serving.add(reading);
  }

  /**
   * Sets what has happened since an earlier moment.
   *
   * @param before of the same version
   * @param seconds since then, more than 0
   */
  void since(VersionTotals before, double seconds, Figures.Builder figures) {
    figures.set(Figure.RATE, Math.max(0, ended - before.ended) / seconds);
    figures.set(Figure.ERRORS, Math.max(0, errors - before.errors) / seconds);
    figures.set(Figure.P50, quantile(0.5, before));
    figures.set(Figure.P99, quantile(0.99, before));
    double queue = queueing.meanSince(before.queueing);
    double worker = serving.meanSince(before.serving);
    double whole = latency.meanSince(before.latency);
    figures.set(Figure.QUEUE_SECONDS, queue);
    figures.set(Figure.WORKER_SECONDS, worker);
    figures.set(Figure.OTHER_SECONDS, Math.max(0, whole - queue - worker));
    long batches = serving.count - before.serving.count;
    if (batches > 0) {
      // Counted when they leave the queue, which batches do as a whole.
      figures.set(
          Figure.BATCH_SIZE,
          Math.max(1.0, (double) (queueing.count - before.queueing.count) / batches));
    }
  }

  /** Linear within a bucket; what is above all bounds counts as the last of them. */
  private double quantile(double share, VersionTotals before) {
    long all = latency.count - before.latency.count;
    if (all <= 0 || bounds.isEmpty()) {
      return Double.NaN;
    }
    double rank = share * all;
    long below = 0;
    double lower = 0;
    for (int i = 0; i < latencies.length; i++) {
      long upTo = latencies[i] - before.latencies[i];
      double upper = bounds.get(i);
      if (upTo >= rank && upTo > below) {
        return lower + (upper - lower) * (rank - below) / (upTo - below);
      }
      below = upTo;
      lower = upper;
    }
    return lower;
  }
}
