package org.tsnext.core.metrics;

import java.util.Locale;

/** How far a request had come. */
public enum Stage {
  /** No worker had got it. */
  QUEUE,
  /** A worker had got it. */
  WORKER;

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
