package org.tsnext.core.inference;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;

/**
 * An open sequence: its requests go to one worker, in order and, unless several may run at once,
 * one at a time. Guarded by the dispatcher's lock.
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
  private final int mostAtOnce;
  private final Deque<Call> waiting = new ArrayDeque<>();
  private final Set<Call> running = new HashSet<>(2);

  /** The worker that holds its state, or null before its first request was given to one. */
  Seat owner;

  /** Arrival of the request that is next, while it is ready. */
  long nextArrivalNanos;

  /** Since when it has had no request at all; meaningless otherwise. */
  long idleSinceNanos;

  boolean closed;

  /**
   * @param number of its opening, which no other has
   * @param mostAtOnce requests that may run at the same time
   */
  Sequence(String id, long number, long openedNanos, int mostAtOnce) {
    this.id = id;
    this.number = number;
    this.openedNanos = openedNanos;
    this.mostAtOnce = mostAtOnce;
  }

  String id() {
    return id;
  }

  long openedNanos() {
    return openedNanos;
  }

  Deque<Call> waiting() {
    return waiting;
  }

  /** The requests that its worker has. */
  Set<Call> running() {
    return running;
  }

  /** Whether its next request could run now. */
  boolean isFree() {
    return running.size() < mostAtOnce;
  }

  /** Requests that wait behind those that run or are next. */
  int waitingBehind() {
    return isFree() ? waiting.size() - 1 : waiting.size();
  }
}
