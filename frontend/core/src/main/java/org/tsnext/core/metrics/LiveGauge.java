package org.tsnext.core.metrics;

import java.util.Objects;
import java.util.function.DoubleSupplier;

/** A value that is looked up at each read. */
public final class LiveGauge implements SingleValue {

  private final DoubleSupplier source;

  /**
   * @param source called by any thread; does not block
   */
  LiveGauge(DoubleSupplier source) {
    this.source = Objects.requireNonNull(source, "source");
  }

  @Override
  public double value() {
    return source.getAsDouble();
  }
}
