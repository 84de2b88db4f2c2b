package org.tsnext.core.worker;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds processes that hang while they have nothing to do. An idle worker is asked for a sign of
 * life; one that has had work since reads no frames while it runs, and responseTimeout watches over
 * it. Belongs to the supervisor's events.
 *
 * @param interval how long a worker is idle before it is asked
 * @param timeout how long its answer may take
 */
record Heartbeat(Duration interval, Duration timeout) {

  /**
   * Looks at one loaded worker, and pings it if it is time.
   *
   * @return why it must be killed, if it must
   */
  Optional<String> check(WorkerLife life, WorkSeat seat, long nowNanos) {
    OptionalLong idleSince = seat.idleSince();
    life.ping = life.ping.filter(sent -> !life.isAnswered(sent) && isIdleSince(sent, idleSince));
    if (life.ping.isPresent()) {
      return nowNanos - life.ping.get().sentNanos() < timeout.toNanos()
          ? Optional.empty()
          : Optional.of("idle, and no answer to a ping within " + timeout.toMillis() + " ms");
    }
    if (idleSince.isPresent() && nowNanos - idleSince.getAsLong() >= interval.toNanos()) {
      life.sendPing(nowNanos);
    }
    return Optional.empty();
  }

  private static boolean isIdleSince(WorkerLife.Ping sent, OptionalLong idleSince) {
    return idleSince.isPresent() && idleSince.getAsLong() - sent.sentNanos() <= 0;
  }
}
