package org.tsnext.core.worker;

import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Counts the failures of one worker process that have no success between them. A call of the
 * handler counts once, however many requests it held, and only if one of them is new to the streak:
 * a client that repeats one request proves nothing about the worker. Safe for any thread.
 */
final class FailureStreak {

  /** What is remembered of a streak that goes on and on. */
  static final int MAX_REMEMBERED = 4096;

  private final int limit;
  private final long notBeforeNanos;
  private final Set<Long> seen = new HashSet<>();
  private OptionalInt lastBatch = OptionalInt.empty();
  private boolean over;

  /** Read without the lock by each success. */
  private volatile int count;

  /**
   * Starts at zero.
   *
   * @param limit failures in a row that are too many; 0 for no limit
   * @param notBeforeNanos the moment from which on they may be too many
   */
  FailureStreak(int limit, long notBeforeNanos) {
    this.limit = limit;
    this.notBeforeNanos = notBeforeNanos;
  }

  int limit() {
    return limit;
  }

  /** Requests that the streak holds. */
  synchronized int remembered() {
    return seen.size();
  }

  /** A request was answered. */
  void succeeded() {
    if (count != 0) {
      synchronized (this) {
        count = 0;
        seen.clear();
      }
    }
  }

  /**
   * A call of the handler failed, or some of its requests did.
   *
   * @param batchId of the call; what fails of the same batch right after is the same call
   * @param requests a number for each request of it, equal for equal ones
   * @return whether there are now too many in a row; true once only
   */
  synchronized boolean failed(int batchId, List<Long> requests, long nowNanos) {
    if (limit == 0 || over || lastBatch.equals(OptionalInt.of(batchId))) {
      return false;
    }
    lastBatch = OptionalInt.of(batchId);
    boolean isNew = false;
    for (Long request : requests) {
      isNew |= seen.size() >= MAX_REMEMBERED ? !seen.contains(request) : seen.add(request);
    }
    if (isNew && count < limit) {
      count++;
    }
    over = count >= limit && nowNanos - notBeforeNanos >= 0;
    return over;
  }
}
