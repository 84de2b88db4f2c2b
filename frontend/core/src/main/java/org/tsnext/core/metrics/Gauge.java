package org.tsnext.core.metrics;

/** The last value. */
public final class Gauge implements SingleValue, Recorder {

  private volatile double value;

  /** Whether a value came since the last read. */
  private volatile boolean fresh;

  Gauge() {}

  @Override
  public void record(double next) {
    value = next;
    // Written only where it changes: it stays true for long while many threads record.
    if (!fresh) {
      fresh = true;
    }
  }

  @Override
  public double value() {
    return value;
  }

  /** Whether a value came, the same or another, since this was last called. One reader only. */
  public boolean takeFresh() {
    boolean was = fresh;
    if (was) {
      fresh = false;
    }
    return was;
  }
}
