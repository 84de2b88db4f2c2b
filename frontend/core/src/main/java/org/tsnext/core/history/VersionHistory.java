package org.tsnext.core.history;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;

/**
 * The figures of one version over the last minutes, in memory that is taken once. Not thread-safe.
 */
final class VersionHistory {

  private record Moment(long tick, VersionTotals totals) {}

  private final Map<Figure, float[]> points = new EnumMap<>(Figure.class);
  private final int capacity;
  private final int windowTicks;
  private final double secondsPerTick;

  /** Those of the window, the oldest first. */
  private final Deque<Moment> window = new ArrayDeque<>();

  private long last = Long.MIN_VALUE;

  /**
   * @param capacity points that are kept, one a tick
   * @param windowTicks over how many ticks a figure looks back
   */
  VersionHistory(int capacity, int windowTicks, double secondsPerTick) {
    this.capacity = capacity;
    this.windowTicks = windowTicks;
    this.secondsPerTick = secondsPerTick;
    for (Figure figure : Figure.values()) {
      float[] none = new float[capacity];
      Arrays.fill(none, Float.NaN);
      points.put(figure, none);
    }
  }

  /** Sets what has happened until {@code tick}, which is later than any before. */
  void count(long tick, VersionTotals totals, Figures.Builder figures) {
    while (window.size() > 1 && window.peekFirst().tick() < tick - windowTicks) {
      window.removeFirst();
    }
    Moment before = window.peekFirst();
    if (before != null) {
      totals.since(before.totals(), (tick - before.tick()) * secondsPerTick, figures);
    }
    window.addLast(new Moment(tick, totals));
  }

  /** Keeps the figures of a tick; ticks that were left out have none. */
  void keep(long tick, Figures figures) {
    if (last != Long.MIN_VALUE) {
      long from = Math.max(last + 1, tick - capacity + 1);
      for (long missed = from; missed < tick; missed++) {
        for (float[] ofFigure : points.values()) {
          ofFigure[place(missed)] = Float.NaN;
        }
      }
    }
    points.forEach((figure, values) -> values[place(tick)] = figures.get(figure));
    last = tick;
  }

  /** The kept values of a figure, the oldest first, the last of {@code tick}; NaN where none is. */
  float[] read(Figure figure, long tick) {
    float[] values = new float[capacity];
    float[] ring = points.get(figure);
    for (int i = 0; i < capacity; i++) {
      long at = tick - capacity + 1 + i;
      boolean kept = at >= 0 && at <= last && at > last - capacity;
      values[i] = kept ? ring[place(at)] : Float.NaN;
    }
    return values;
  }

  private int place(long tick) {
    return (int) Math.floorMod(tick, (long) capacity);
  }
}
