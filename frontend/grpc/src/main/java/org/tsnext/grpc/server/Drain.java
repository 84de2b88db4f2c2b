package org.tsnext.grpc.server;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tells calls without an end of their own that the server is on its way down, so that these end and
 * a shutdown need not wait for their clients. Any thread.
 */
public final class Drain {

  private final Set<Runnable> open = ConcurrentHashMap.newKeySet();
  private volatile boolean begun;

  /**
   * Adds a call, until {@link #remove}.
   *
   * @param end what ends it when it can; run at once if the server is on its way down already
   */
  public void add(Runnable end) {
    open.add(end);
    if (begun && open.remove(end)) {
      end.run();
    }
  }

  /** Forgets a call that has ended. */
  public void remove(Runnable end) {
    open.remove(end);
  }

  /** Ends every call, and those that come yet. */
  public void begin() {
    begun = true;
    // One that comes after this copy sees that it has begun.
    for (Runnable end : List.copyOf(open)) {
      if (open.remove(end)) {
        end.run();
      }
    }
  }
}
