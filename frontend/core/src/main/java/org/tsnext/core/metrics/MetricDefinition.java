package org.tsnext.core.metrics;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * What is known of a metric before it has a value.
 *
 * @param name as it was declared; may have characters that an exposition cannot write
 * @param unit any word, such as {@code Milliseconds}
 * @param dimensions names, in order; each once
 * @param bounds upper bounds of a histogram's buckets, rising, without infinity; empty for the
 *     other types
 */
public record MetricDefinition(
    String name, MetricType type, String unit, List<String> dimensions, List<Double> bounds) {

  /**
   * Checks and copies.
   *
   * @throws IllegalArgumentException saying what is wrong with which metric
   */
  public MetricDefinition {
    Objects.requireNonNull(type, "type");
    dimensions = List.copyOf(dimensions);
    bounds = List.copyOf(bounds);
    require(!name.isBlank(), "a metric has an empty name, expected a text");
    require(!unit.isBlank(), "metric " + name + " has an empty unit, expected a text");
    checkDimensions(name, type, dimensions);
    checkBounds(name, type, bounds);
  }

  /** With the default bounds for its unit, if it is a histogram. */
  public static MetricDefinition of(
      String name, MetricType type, String unit, List<String> dimensions) {
    return new MetricDefinition(
        name, type, unit, dimensions, type == MetricType.HISTOGRAM ? Bounds.of(unit) : List.of());
  }

  /** The same with one more dimension at the end. */
  public MetricDefinition withDimension(String dimension) {
    List<String> more = new ArrayList<>(dimensions);
    more.add(dimension);
    return new MetricDefinition(name, type, unit, more, bounds);
  }

  private static void checkDimensions(String name, MetricType type, List<String> dimensions) {
    Set<String> seen = new HashSet<>();
    for (String dimension : dimensions) {
      require(!dimension.isBlank(), "metric " + name + " has a dimension with an empty name");
      require(
          seen.add(ExposedNames.ofDimension(dimension)),
          "metric " + name + " has the dimension " + dimension + " twice, expected it once");
      require(
          type != MetricType.HISTOGRAM || !dimension.equals("le"),
          "histogram " + name + " has the dimension le, which is for the bounds of its buckets");
    }
  }

  private static void checkBounds(String name, MetricType type, List<Double> bounds) {
    require(
        bounds.isEmpty() == (type != MetricType.HISTOGRAM),
        "metric %s is a %s with %d bounds of buckets, expected some for a histogram and none else"
            .formatted(name, type.word(), bounds.size()));
    double last = Double.NEGATIVE_INFINITY;
    for (double bound : bounds) {
      require(
          bound > last && bound < Double.POSITIVE_INFINITY,
          "histogram " + name + " has the bounds " + bounds + ", expected rising finite numbers");
      last = bound;
    }
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
