package org.tsnext.core.scheduling;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;

/**
 * An open sequence: its requests go to one worker, in order and, unless several may run at once,
 * one at a time.
 */
final class Sequence {

  /** By the arrival of the request that is next; of two at once, by the opening. */
  static final Comparator<Sequence> BY_NEXT_REQUEST =
      (a, b) ->
          a.nextArrivalNanos == b.nextArrivalNanos
              ? Long.compare(a.number, b.number)
              : Long.signum(a.nextArrivalNanos - b.nextArrivalNanos);

  private final String id;
  private final long number;
  private final long openedNanos;
  private final int maxRunning;
  private final Deque<QueuedRequest> waiting = new ArrayDeque<>();

  /** Requests that its worker has. */
  int running;

  /** The worker that gets its requests, or null before one was chosen. */
  ReadyWorker owner;

  /** Arrival of the request that is next, while it is ready. */
  long nextArrivalNanos;

  /** Since when it has had no request at all; meaningless otherwise. */
  long idleSinceNanos;

  /** Whether a request of it was given to its owner, which knows its state from then on. */
  boolean begun;

  boolean closed;

  /**
   * @param number of its opening, which no other has
   * @param maxRunning requests that may run at the same time
   */
  Sequence(String id, long number, long openedNanos, int maxRunning) {
    this.id = id;
    this.number = number;
    this.openedNanos = openedNanos;
    this.maxRunning = maxRunning;
  }

  String id() {
    return id;
  }

  long openedNanos() {
    return openedNanos;
  }

  Deque<QueuedRequest> waiting() {
    return waiting;
  }

  /** Whether its next request could run now. */
  boolean isFree() {
    return running < maxRunning;
  }

  /** Requests that wait behind those that run or are next. */
  int waitingBehind() {
    return isFree() ? waiting.size() - 1 : waiting.size();
  }
}
