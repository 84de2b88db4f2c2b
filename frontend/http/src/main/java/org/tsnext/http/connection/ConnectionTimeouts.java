package org.tsnext.http.connection;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Clock;
import org.tsnext.transport.RateLimitedReport;

/**
 * Limits of time of connections, and the log of those that passed them.
 *
 * @param idleNanos without a request; 0 for no limit
 * @param readingNanos for a head, or of a body that trickles; 0 for no limit
 * @param heads told of connections that were closed over a head
 * @param bodies told of requests that were refused over a body
 */
record ConnectionTimeouts(
    long idleNanos,
    long readingNanos,
    Clock clock,
    RateLimitedReport heads,
    RateLimitedReport bodies) {

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionTimeouts.class);

  static ConnectionTimeouts of(Duration idle, Duration reading, Clock clock) {
    return new ConnectionTimeouts(
        idle.toNanos(),
        reading.toNanos(),
        clock,
        new RateLimitedReport(
            clock::nanoTime,
            count ->
                LOG.info(
                    "Closed {} connections whose request head was not complete after"
                        + " request_read_timeout_sec={}",
                    count,
                    reading.toSeconds())),
        new RateLimitedReport(
            clock::nanoTime,
            count ->
                LOG.info(
                    "Refused {} requests whose body trickled for request_read_timeout_sec={}",
                    count,
                    reading.toSeconds())));
  }

  boolean any() {
    return idleNanos > 0 || readingNanos > 0;
  }

  /** The shorter of the limits that there are. */
  long shortestNanos() {
    if (idleNanos == 0 || readingNanos == 0) {
      return Math.max(idleNanos, readingNanos);
    }
    return Math.min(idleNanos, readingNanos);
  }
}
