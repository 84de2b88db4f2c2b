package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * The moment a request must be answered by, set once on entry.
 *
 * @param exists false only for {@link #NEVER}
 * @param nanos of the clock; meaningless in {@link #NEVER}
 * @param allowed the time the request was given, for the message
 * @param source whose limit it is, for the message
 */
public record Deadline(boolean exists, long nanos, Duration allowed, String source) {

  /** No deadline. */
  public static final Deadline NEVER = new Deadline(false, 0, Duration.ZERO, "");

  /** Longer than any request, and far from overflow. */
  private static final Duration MAX_LENGTH = Duration.ofDays(365);

  /**
   * The nearer of two limits.
   *
   * @param clientTimeout of the model, zero for none
   * @param requestTimeout of the request itself
   */
  public static Deadline of(long now, Duration clientTimeout, Optional<Duration> requestTimeout) {
    boolean modelDecides =
        !clientTimeout.isZero()
            && (requestTimeout.isEmpty() || clientTimeout.compareTo(requestTimeout.get()) <= 0);
    if (modelDecides) {
      return after(now, clientTimeout, "clientTimeoutInMills of the model");
    }
    return requestTimeout.isPresent()
        ? after(now, requestTimeout.get(), "time limit of the request")
        : NEVER;
  }

  boolean passed(long now) {
    return exists && nanos - now <= 0;
  }

  /** For PREDICT: milliseconds left, at least 1, or 0 for no deadline. */
  public int millisLeft(long now) {
    if (!exists) {
      return 0;
    }
    return (int) Math.min(Integer.MAX_VALUE, Math.max(1, (nanos - now) / 1_000_000));
  }

  ServingException expired() {
    return new ServingException(
        ErrorKind.CLIENT_TIMEOUT,
        "No response within " + allowed.toMillis() + " ms, the " + source + ".");
  }

  private static Deadline after(long now, Duration allowed, String source) {
    Duration length = allowed.compareTo(MAX_LENGTH) > 0 ? MAX_LENGTH : allowed;
    return new Deadline(true, now + length.toNanos(), allowed, source);
  }
}
