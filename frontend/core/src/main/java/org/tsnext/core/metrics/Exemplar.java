package org.tsnext.core.metrics;

import java.time.Instant;
import java.util.Objects;

/**
 * A value with the trace of what it was measured at, for one that stands for its bucket.
 *
 * @param traceId 32 hex digits
 */
public record Exemplar(double value, String traceId, Instant time) {

  public Exemplar {
    Objects.requireNonNull(traceId, "traceId");
    Objects.requireNonNull(time, "time");
  }
}
