package org.tsnext.grpc.call;

import io.grpc.Context;
import io.grpc.Deadline;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** How long a client still waits for its call. */
public final class CallTimeout {

  private CallTimeout() {}

  /**
   * The time that is left, if the client has said so.
   *
   * @param context of the call: the current one while gRPC hands it over
   */
  public static Optional<Duration> of(Context context) {
    Deadline deadline = context.getDeadline();
    return deadline == null
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(Math.max(1, deadline.timeRemaining(TimeUnit.NANOSECONDS))));
  }
}
