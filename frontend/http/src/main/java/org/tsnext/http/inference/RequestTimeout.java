package org.tsnext.http.inference;

import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.BoundedNumber;

/** Reads how long a client is willing to wait for its answer. */
final class RequestTimeout {

  static final String HEADER = "x-request-timeout-ms";

  /** Longer waits are cut to this. */
  static final Duration MAX_TIMEOUT = Duration.ofDays(1);

  private static final int MAX_SHOWN = 40;

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
    OptionalLong millis = BoundedNumber.whole(value);
    if (!startsWithDigit(value) || millis.isEmpty() || millis.getAsLong() == 0) {
      throw refusal(value);
    }
    return Optional.of(Duration.ofMillis(Math.min(millis.getAsLong(), MAX_TIMEOUT.toMillis())));
  }

  private static boolean startsWithDigit(String value) {
    return !value.isEmpty() && value.charAt(0) >= '0' && value.charAt(0) <= '9';
  }

  private static ServingException refusal(String value) {
    String shown = value.length() <= MAX_SHOWN ? value : value.substring(0, MAX_SHOWN) + "...";
    return new ServingException(
        ErrorKind.BAD_REQUEST,
        "The header "
            + HEADER
            + " is \""
            + shown
            + "\", expected a whole number of milliseconds, at least 1.");
  }
}
