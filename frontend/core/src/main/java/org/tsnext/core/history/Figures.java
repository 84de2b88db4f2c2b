package org.tsnext.core.history;

import java.util.EnumMap;
import java.util.Map;

/** The figures of one version at one moment. Immutable. */
public final class Figures {

  private final Map<Figure, Float> values;

  private Figures(Map<Figure, Float> values) {
    this.values = values;
  }

  /** The value of a figure; NaN if there is none, say no latency without a request. */
  public float get(Figure figure) {
    return values.getOrDefault(figure, Float.NaN);
  }

  /** Collects figures; those that are not set have no value. Not thread-safe. */
  static final class Builder {
    private final Map<Figure, Float> values = new EnumMap<>(Figure.class);

    Builder set(Figure figure, double value) {
      values.put(figure, (float) value);
      return this;
    }

    Figures build() {
      return new Figures(new EnumMap<>(values));
    }
  }
}
