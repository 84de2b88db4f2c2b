package org.tsnext.core.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;

/**
 * The series of something that ends, such as a model version: closing the group ends those that no
 * other group has. Thread-safe. After the end it gives recorders that do nothing.
 */
public final class SeriesGroup implements AutoCloseable {

  private final List<Lent> lent = new ArrayList<>();
  private boolean closed;

  private record Lent(MetricFamily family, List<String> values) {}

  /** A series of this group, made if it is not there. To be kept: each call takes it anew. */
  public synchronized Recorder series(MetricFamily family, List<String> values) {
    if (closed) {
      return Recorder.NONE;
    }
    Recorder recorder = family.lend(values);
    lent.add(new Lent(family, List.copyOf(values)));
    return recorder;
  }

  /**
   * A gauge that is looked up whenever somebody reads it.
   *
   * @param source called by any thread; does not block
   */
  public synchronized void live(MetricFamily family, List<String> values, DoubleSupplier source) {
    if (!closed) {
      family.lendLive(values, source);
      lent.add(new Lent(family, List.copyOf(values)));
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    lent.forEach(each -> each.family().giveBack(each.values()));
    lent.clear();
  }
}
