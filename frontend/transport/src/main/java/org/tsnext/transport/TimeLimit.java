package org.tsnext.transport;

/** How long something may be as it is, by moments of one clock, in nanoseconds. */
public final class TimeLimit {

  /** Since when that is so which is not so. */
  public static final long NEVER = Long.MAX_VALUE;

  private TimeLimit() {}

  /**
   * Whether it has been so for too long.
   *
   * @param since the moment from which on it is so, or {@link #NEVER}
   * @param limit zero for none
   */
  public static boolean isOver(long now, long since, long limit) {
    return since != NEVER && limit > 0 && now - since >= limit;
  }
}
