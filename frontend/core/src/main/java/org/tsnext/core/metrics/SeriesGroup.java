package org.tsnext.core.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;

/**
 * The series of something that ends, such as a model version: closing the group ends those that no
 * other group has. Thread-safe. After the end it gives recorders that do nothing.
 */
public final class SeriesGroup implements AutoCloseable {

  private final Map<Lent, Recorder> lent = new ConcurrentHashMap<>();

  @GuardedBy("this")
  private boolean closed;

  private record Lent(MetricFamily family, List<String> values) {}

  /** A series of this group, made if it is not there. */
  public Recorder series(MetricFamily family, List<String> values) {
    Lent key = new Lent(family, values);
    Recorder known = lent.get(key);
    return known == null ? borrow(key) : known;
  }

  /**
   * A gauge that is looked up at each read. It is the only one with these labels.
   *
   * @param source called by any thread; does not block
   */
  public synchronized void live(MetricFamily family, List<String> values, DoubleSupplier source) {
    if (!closed && family.lendLive(values, source)) {
      lent.put(new Lent(family, List.copyOf(values)), Recorder.NONE);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    lent.keySet().forEach(each -> each.family().giveBack(each.values()));
    lent.clear();
  }

  private synchronized Recorder borrow(Lent key) {
    if (closed) {
      return Recorder.NONE;
    }
    Recorder known = lent.get(key);
    if (known != null) {
      return known;
    }
    Optional<Recorder> made = key.family().lend(key.values());
    made.ifPresent(
        recorder -> lent.put(new Lent(key.family(), List.copyOf(key.values())), recorder));
    return made.orElseGet(key.family()::overflow);
  }
}
