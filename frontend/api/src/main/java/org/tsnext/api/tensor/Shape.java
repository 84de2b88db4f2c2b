package org.tsnext.api.tensor;

import java.util.List;

/** Sizes of tensors. */
public final class Shape {

  private static final int MAX_DIMENSIONS = 64;

  private Shape() {}

  /**
   * The number of elements.
   *
   * @throws TensorException if it is no shape
   */
  public static long count(List<Long> shape) throws TensorException {
    if (shape.size() > MAX_DIMENSIONS) {
      throw new TensorException(
          "has " + shape.size() + " dimensions, expected at most " + MAX_DIMENSIONS);
    }
    long count = 1;
    for (long size : shape) {
      if (size < 0) {
        throw new TensorException("has the shape " + shape + ", expected no negative size");
      }
      count = shape.contains(0L) ? 0 : product(count, size, shape);
    }
    return count;
  }

  /** No message holds more elements than an int counts. */
  private static long product(long count, long size, List<Long> shape) throws TensorException {
    if (size > Integer.MAX_VALUE / count) {
      throw new TensorException(
          "has the shape " + shape + ", expected at most " + Integer.MAX_VALUE + " elements");
    }
    return count * size;
  }
}
