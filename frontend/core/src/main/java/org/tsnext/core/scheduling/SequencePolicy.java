package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How the sequences of one model version are treated.
 *
 * @param idHeader name of the request header that carries the id of a sequence, in any case
 * @param startHeader name of the header that the first request of a sequence gets whose id the
 *     server made
 * @param maxIdle how long a sequence stays open without a request
 * @param lifetime how long it stays open at all, zero for no limit
 * @param maxOpen sequences that may be open at once
 * @param maxWaiting requests of one sequence that may wait behind those that run or are next
 * @param endHeader name of the header, in any case, by which handlers end sequences, with
 *     continuous batching: there, too, several requests of a sequence may run at once. Empty
 *     elsewhere
 */
public record SequencePolicy(
    String idHeader,
    String startHeader,
    Duration maxIdle,
    Duration lifetime,
    int maxOpen,
    int maxWaiting,
    Optional<String> endHeader) {

  public SequencePolicy {
    Objects.requireNonNull(idHeader, "idHeader");
    Objects.requireNonNull(startHeader, "startHeader");
    Objects.requireNonNull(endHeader, "endHeader");
    if (maxIdle.isZero() || maxIdle.isNegative() || lifetime.isNegative()) {
      throw new IllegalArgumentException(
          "maxIdle " + maxIdle + " must be above zero, lifetime " + lifetime + " not below it.");
    }
    if (maxOpen < 1 || maxWaiting < 1) {
      throw new IllegalArgumentException(
          "maxOpen " + maxOpen + " and maxWaiting " + maxWaiting + " must be 1 or more.");
    }
  }

  /** Requests of one sequence that may run at the same time. */
  int maxRunning() {
    return endHeader.isPresent() ? Integer.MAX_VALUE : 1;
  }
}
