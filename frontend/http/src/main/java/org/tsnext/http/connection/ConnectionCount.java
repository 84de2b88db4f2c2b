package org.tsnext.http.connection;

import io.netty.channel.Channel;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.time.Clock;

/** Counts the connections of a listener, and says which are too many. Any thread. */
public final class ConnectionCount {

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionCount.class);

  private final int most;
  private final Occasionally refusals;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * @param most zero for no limit
   * @param keys configuration keys that set it, for the log
   */
  public ConnectionCount(int most, String keys, Clock clock) {
    this.most = most;
    this.refusals =
        new Occasionally(
            clock,
            count ->
                LOG.warn(
                    "Refused {} connections: {} are open, the limit of {}", count, most, keys));
  }

  /** Whether there is a place for a connection, which it then has until it is closed. */
  boolean takes(Channel channel) {
    if (most == 0) {
      return true;
    }
    if (open.incrementAndGet() > most) {
      open.decrementAndGet();
      refusals.happened();
      return false;
    }
    channel.closeFuture().addListener(closed -> open.decrementAndGet());
    return true;
  }
}
