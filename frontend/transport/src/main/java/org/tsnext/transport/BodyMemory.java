package org.tsnext.transport;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the bytes of bodies that the server holds for its clients: of requests from their first
 * byte to the end of the exchange, of answers until they are written. A request for which there is
 * no room is refused, so that many slow clients cannot use up the memory of all. Small bodies have
 * a share of their own, an eighth of the limit, beside that of the large ones: neither can take the
 * other's room. Any thread.
 */
public final class BodyMemory {

  /** Bodies up to this size, in bytes, are small ones. */
  public static final int MAX_SMALL = 16 * 1024;

  private static final int SMALL_SHARE = 8;

  private final Share small;
  private final Share large;

  /**
   * Makes an empty one.
   *
   * @param limit bytes of large bodies that may be held before requests are refused
   */
  public BodyMemory(long limit) {
    this.small = new Share(Math.max(MAX_SMALL, limit / SMALL_SHARE));
    this.large = new Share(limit);
  }

  /** Whether a body of so many bytes would find room now; one of none always does. */
  public boolean hasRoom(long bytes) {
    return shareOf(bytes).hasRoom(bytes);
  }

  /**
   * Takes room for a whole body of a request.
   *
   * @return false if there is none; then nothing is taken
   */
  public boolean take(long bytes) {
    return shareOf(bytes).take(bytes);
  }

  /** Counts a whole body that is there already and cannot be refused. */
  public void count(long bytes) {
    shareOf(bytes).add(bytes);
  }

  /** Gives back what {@link #take} or {@link #count} had. */
  public void give(long bytes) {
    shareOf(bytes).add(-bytes);
  }

  /**
   * Begins a body that comes in pieces.
   *
   * @param declared its length if the client has said one, else 0
   */
  public BodyRoom begin(long declared) {
    return new BodyRoom(this, declared > MAX_SMALL);
  }

  /** Bytes held now. */
  public long held() {
    return small.held() + large.held();
  }

  private Share shareOf(long bytes) {
    return bytes > MAX_SMALL ? large : small;
  }

  Share small() {
    return small;
  }

  Share large() {
    return large;
  }

  /** A part of the memory, with a limit of its own. */
  static final class Share {
    private final long limit;
    private final AtomicLong held = new AtomicLong();

    Share(long limit) {
      this.limit = limit;
    }

    boolean hasRoom(long bytes) {
      return bytes == 0 || held.get() + bytes <= limit;
    }

    boolean take(long bytes) {
      if (held.addAndGet(bytes) <= limit) {
        return true;
      }
      held.addAndGet(-bytes);
      return false;
    }

    void add(long bytes) {
      held.addAndGet(bytes);
    }

    long held() {
      return held.get();
    }
  }
}
