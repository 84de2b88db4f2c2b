package org.tsnext.core.scheduling;

/**
 * How many batches one worker may have at once. It starts at one and grows only while batches take
 * so little time that the way to the worker is a visible part of it: what waits behind the running
 * batch is at most about {@value #QUEUED_WORK_NANOS} ns of work, so that no request loses more than
 * that by sitting with a busy worker while another falls idle.
 */
final class Window {

  static final long QUEUED_WORK_NANOS = 2_000_000;
  static final int MAX_SIZE = 128;

  /** Of longer batches the way to the worker is less than a hundredth, on a busy machine, too. */
  static final long MAX_AHEAD_NANOS = 100_000_000;

  /**
   * Weight of the newest service time in the mean: quick to shrink, soon back after one outlier.
   */
  private static final double WEIGHT = 0.25;

  /** Of the mean: where batches differ by more, nothing is predicted. */
  private static final double MAX_DEVIATION = 0.25;

  private final boolean adaptive;
  private int size;
  private double meanServiceNanos = -1;

  /** Mean distance of a service time from the mean before it. */
  private double meanDeviationNanos;

  private Window(boolean adaptive, int size) {
    this.adaptive = adaptive;
    this.size = size;
  }

  static Window adaptive() {
    return new Window(true, 1);
  }

  static Window constant(int size) {
    return new Window(false, size);
  }

  int size() {
    return size;
  }

  /** What {@link #size} never exceeds. */
  int maxSize() {
    return adaptive ? MAX_SIZE : size;
  }

  /** Mean time of a batch, zero while unknown. */
  double meanServiceNanos() {
    return Math.max(0, meanServiceNanos);
  }

  /** How far a batch usually is from the mean, zero while unknown. */
  double meanDeviationNanos() {
    return meanDeviationNanos;
  }

  /** Whether the end of a batch can be predicted by the mean. */
  boolean isSteady() {
    return meanDeviationNanos <= meanServiceNanos * MAX_DEVIATION;
  }

  /** Whether batches are so short that a worker gains by having the next one ahead. */
  boolean allowsOneAhead() {
    return adaptive && meanServiceNanos >= 0 && meanServiceNanos <= MAX_AHEAD_NANOS;
  }

  /** A batch is done, {@code serviceNanos} after the worker could begin with it. */
  void responded(long serviceNanos) {
    double sample = Math.max(0, serviceNanos);
    if (meanServiceNanos < 0) {
      meanServiceNanos = sample;
      // One time says nothing of how far others will be from it.
      meanDeviationNanos = sample;
    } else {
      double distance = Math.abs(sample - meanServiceNanos);
      meanDeviationNanos += WEIGHT * (distance - meanDeviationNanos);
      meanServiceNanos += WEIGHT * (sample - meanServiceNanos);
    }
    if (adaptive) {
      int allowed =
          1 + (int) Math.min(MAX_SIZE - 1, QUEUED_WORK_NANOS / Math.max(1, meanServiceNanos));
      size = Math.min(allowed, size + 1);
    }
  }
}
