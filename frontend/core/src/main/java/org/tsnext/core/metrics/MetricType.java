package org.tsnext.core.metrics;

import java.util.Locale;

/** How the values of one series are put together. */
public enum MetricType {
  /** Their sum, which never falls. */
  COUNTER,
  /** The last of them. */
  GAUGE,
  /** How many there were up to each of some bounds, and their sum. */
  HISTOGRAM;

  /** The type as files and expositions write it: {@code counter}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
