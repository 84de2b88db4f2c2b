package org.tsnext.core.worker;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * A worker that failed and has not been sound since.
 *
 * @param failures in a row
 * @param since the first of them, when the recovery window opened
 * @param nextAttempt when it is started again; empty while an attempt is under way, and once it is
 *     given up
 */
public record Recovery(int failures, Instant since, Optional<Instant> nextAttempt) {

  public Recovery {
    Objects.requireNonNull(since, "since");
    Objects.requireNonNull(nextAttempt, "nextAttempt");
  }
}
