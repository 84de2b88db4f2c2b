package org.tsnext.transport.http2;

import java.time.Duration;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.transport.RateLimitedReport;

/**
 * What the HTTP/2 connections of a listener may, and the log of those that did not keep to it.
 *
 * @param idleNanos how long a connection may be open without a request, or a client read nothing of
 *     its answer; 0 for no limit
 * @param readingNanos how long a head may take, or a body trickle; 0 for no limit
 * @param bodies who watches over the bodies of requests
 * @param nanoTime a monotonic clock
 * @param heads told of connections that were closed over a head
 * @param slow told of requests that were refused over a body
 * @param floods told of connections that were closed because they flooded
 */
public record ConnectionRules(
    long idleNanos,
    long readingNanos,
    Bodies bodies,
    LongSupplier nanoTime,
    RateLimitedReport heads,
    RateLimitedReport slow,
    RateLimitedReport floods) {

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionRules.class);

  /** Looks per limit; the limits are kept to a part of that. */
  private static final int LOOKS = 4;

  private static final long MAX_PAUSE_NANOS = Duration.ofSeconds(15).toNanos();

  /** Whose work it is to end a request whose body does not come. */
  public enum Bodies {
    /** Here: the stream is reset. */
    RESET_HERE,
    /** Not here, since there are streams on which the client may be silent. */
    WATCHED_ABOVE
  }

  public ConnectionRules {
    Objects.requireNonNull(bodies, "bodies");
  }

  /**
   * Rules with a log of their own.
   *
   * @param idle zero for no limit
   * @param reading zero for no limit
   */
  public static ConnectionRules of(
      Duration idle, Duration reading, Bodies bodies, LongSupplier nanoTime) {
    return new ConnectionRules(
        idle.toNanos(),
        reading.toNanos(),
        bodies,
        nanoTime,
        new RateLimitedReport(
            nanoTime,
            count ->
                LOG.info(
                    "Closed {} HTTP/2 connections whose request head was not complete after"
                        + " request_read_timeout_sec={}",
                    count,
                    reading.toSeconds())),
        new RateLimitedReport(
            nanoTime,
            count ->
                LOG.info(
                    "Reset {} HTTP/2 requests whose body trickled for request_read_timeout_sec={},"
                        + " or whose response was not read for connection_idle_timeout_sec={}",
                    count,
                    reading.toSeconds(),
                    idle.toSeconds())),
        new RateLimitedReport(
            nanoTime,
            count ->
                LOG.warn(
                    "Closed {} HTTP/2 connections that sent a flood of frames that ask nothing",
                    count)));
  }

  /** Time between two looks. */
  long pauseNanos() {
    long pause = MAX_PAUSE_NANOS;
    if (idleNanos > 0) {
      pause = Math.min(pause, idleNanos / LOOKS);
    }
    if (readingNanos > 0) {
      pause = Math.min(pause, readingNanos / LOOKS);
    }
    return Math.max(1, pause);
  }
}
