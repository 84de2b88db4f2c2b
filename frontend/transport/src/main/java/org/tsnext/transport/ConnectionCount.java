package org.tsnext.transport;

import io.netty.channel.Channel;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the connections of a listener, and says which are too many. Any thread. */
public final class ConnectionCount {

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionCount.class);

  private final int max;
  private final RateLimitedReport refusals;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * @param max zero for no limit
   * @param keys configuration keys that set it, for the log
   * @param nanoTime a monotonic clock
   */
  public ConnectionCount(int max, String keys, LongSupplier nanoTime) {
    this.max = max;
    this.refusals =
        new RateLimitedReport(
            nanoTime,
            count ->
                LOG.warn("Refused {} connections: {} are open, the limit of {}", count, max, keys));
  }

  /** Whether there is a place for a connection, which it then has until it is closed. */
  public boolean takes(Channel channel) {
    if (max == 0) {
      return true;
    }
    if (open.incrementAndGet() > max) {
      open.decrementAndGet();
      refusals.happened();
      return false;
    }
    channel.closeFuture().addListener(closed -> open.decrementAndGet());
    return true;
  }
}
