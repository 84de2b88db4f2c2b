package org.tsnext.core.metrics;

/** A series that is one number at a time. */
public sealed interface SingleValue extends Series permits Counter, Gauge, LiveGauge {

  /** The value now. */
  double value();
}
