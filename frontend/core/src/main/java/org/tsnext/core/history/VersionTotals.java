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
  private final Sum holding = new Sum();
  private final Sum handling = new Sum();

  /** How many values there were, and all of them together. */
  private static final class Sum {
    private long count;
    private double total;

    void add(Histogram.Reading reading) {
      count += reading.count();
      total += reading.sum();
    }

    long countSince(Sum before) {
      return Math.max(0, count - before.count);
    }

    double totalSince(Sum before) {
      return Math.max(0, total - before.total);
    }

    double meanSince(Sum before) {
      long more = countSince(before);
      return more == 0 ? Double.NaN : totalSince(before) / more;
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

  /** Of the batches that waited in their worker. */
  void addHolding(Histogram.Reading reading) {
    holding.add(reading);
  }

  /** Of some batches. */
  void addHandling(Histogram.Reading reading) {
    handling.add(reading);
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
    long batches = serving.countSince(before.serving);
    if (batches > 0) {
      setParts(before, batches, figures);
      // Counted when they leave the queue, which batches do as a whole.
      figures.set(
          Figure.BATCH_SIZE,
          Math.max(1.0, (double) queueing.countSince(before.queueing) / batches));
    }
  }

  private void setParts(VersionTotals before, long batches, Figures.Builder figures) {
    double queue =
        queueing.meanSince(before.queueing) + holding.totalSince(before.holding) / batches;
    double handler = serving.meanSince(before.serving);
    if (handling.countSince(before.handling) > 0) {
      // The mean of a sample: it may have met the longer ones.
      handler = Math.min(handler, handling.meanSince(before.handling));
    }
    double whole = latency.meanSince(before.latency);
    figures.set(Figure.QUEUE_SECONDS, queue);
    figures.set(Figure.HANDLER_SECONDS, handler);
    figures.set(Figure.OTHER_SECONDS, Math.max(0, whole - queue - handler));
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
