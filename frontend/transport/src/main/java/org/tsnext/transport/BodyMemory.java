package org.tsnext.transport;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the octets of large bodies that the server holds for its clients: of requests from their
 * first octets to the end of the exchange, of answers until they are written. A new request for
 * which there is no room is refused, so that many slow clients cannot use up the memory of all. Any
 * thread.
 */
public final class BodyMemory {

  /** Bodies up to this size are not counted: they are most, and connections are limited. */
  public static final int UNCOUNTED = 16 * 1024;

  private final long limit;
  private final AtomicLong held = new AtomicLong();

  /**
   * Makes an empty one.
   *
   * @param limit octets that may be held before requests are refused
   */
  public BodyMemory(long limit) {
    this.limit = limit;
  }

  /** Whether a body of so many octets would find room now. */
  public boolean hasRoom(long octets) {
    return octets <= UNCOUNTED || held.get() + octets <= limit;
  }

  /**
   * Takes room for so many octets of a request.
   *
   * @return false if there is none; then nothing is taken
   */
  public boolean take(long octets) {
    if (held.addAndGet(octets) <= limit) {
      return true;
    }
    held.addAndGet(-octets);
    return false;
  }

  /** Counts octets of an answer, which is there already and cannot be refused. */
  public void count(long octets) {
    held.addAndGet(octets);
  }

  /** Gives back what {@link #take} or {@link #count} had. */
  public void give(long octets) {
    held.addAndGet(-octets);
  }

  /** Octets held now. */
  public long held() {
    return held.get();
  }
}
