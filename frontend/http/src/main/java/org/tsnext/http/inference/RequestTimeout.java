package org.tsnext.http.inference;

import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Reads how long a client is willing to wait for its answer. */
final class RequestTimeout {

  static final String HEADER = "x-request-timeout-ms";

  /** Longer waits are cut to this. */
  static final Duration LONGEST = Duration.ofDays(1);

  private static final int MOST_DIGITS = 18;
  private static final int LONGEST_SHOWN = 40;

  private RequestTimeout() {}

  /**
   * The limit that a request carries, in whole milliseconds.
   *
   * @throws ServingException BAD_REQUEST if it is not one positive whole number
   */
  static Optional<Duration> of(HttpHeaders headers) {
    if (!headers.contains(HEADER)) {
      return Optional.empty();
    }
    List<String> values = headers.getAll(HEADER);
    String value = String.join(", ", values).trim();
    if (!isNumber(value)) {
      throw refusal(value);
    }
    long millis = Long.parseLong(value);
    if (millis == 0) {
      throw refusal(value);
    }
    return Optional.of(Duration.ofMillis(Math.min(millis, LONGEST.toMillis())));
  }

  private static boolean isNumber(String value) {
    return !value.isEmpty()
        && value.length() <= MOST_DIGITS
        && value.chars().allMatch(digit -> digit >= '0' && digit <= '9');
  }

  private static ServingException refusal(String value) {
    String shown =
        value.length() <= LONGEST_SHOWN ? value : value.substring(0, LONGEST_SHOWN) + "...";
    return new ServingException(
        ErrorKind.BAD_REQUEST,
        "The header "
            + HEADER
            + " is \""
            + shown
            + "\", expected a whole number of milliseconds, at least 1.");
  }
}
