package org.tsnext.http.settings;

import java.time.Duration;
import java.util.Objects;

/**
 * How many connections there may be, and how long they may keep a place without using it. Zero
 * means without a limit.
 *
 * @param inference connections of the inference listener; a combined one may have both numbers
 * @param management connections of the management listener
 * @param metrics connections of the metrics listener
 * @param idle how long a connection may be open without a request
 * @param reading how long a client may take for a head, or be slower than a modem with a body
 */
public record ConnectionLimits(
    int inference, int management, int metrics, Duration idle, Duration reading) {

  public ConnectionLimits {
    Objects.requireNonNull(idle, "idle");
    Objects.requireNonNull(reading, "reading");
  }

  /** The number for one role; 0 for any number. */
  public int of(ListenerRole role) {
    return switch (role) {
      case INFERENCE, KSERVE -> inference;
      case MANAGEMENT -> management;
      case METRICS -> metrics;
    };
  }

  public static ConnectionLimits none() {
    return new ConnectionLimits(0, 0, 0, Duration.ZERO, Duration.ZERO);
  }
}
