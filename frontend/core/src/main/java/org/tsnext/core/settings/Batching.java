package org.tsnext.core.settings;

import java.time.Duration;
import java.util.Objects;

/**
 * How requests run together.
 *
 * @param size requests of a batch, at most
 * @param maxDelay how long the oldest request of a batch that is not full waits
 * @param adaptiveDelay whether that is learned; then {@code maxDelay} means nothing as a setting
 */
public record Batching(int size, Duration maxDelay, boolean adaptiveDelay) {

  public Batching {
    Objects.requireNonNull(maxDelay, "maxDelay");
  }

  /** The same for batches of at most {@code limit} requests. */
  public Batching withSize(int limit) {
    return new Batching(limit, maxDelay, adaptiveDelay);
  }

  /** The same with the delay that holds at a moment. */
  public Batching withMaxDelay(Duration delay) {
    return new Batching(size, delay, adaptiveDelay);
  }
}
