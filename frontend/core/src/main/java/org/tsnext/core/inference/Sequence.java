package org.tsnext.core.inference;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;

/**
 * An open sequence: its requests go to one worker, one at a time and in order. Guarded by the
 * dispatcher's lock.
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
  private final Deque<Call> waiting = new ArrayDeque<>();

  /** The worker that holds its state, or null before its first request was given to one. */
  Seat owner;

  /** The request that a worker has, or null. */
  Call running;

  /** Arrival of the request that is next, while it is ready. */
  long nextArrivalNanos;

  /** Since when it has had no request at all; meaningless otherwise. */
  long idleSinceNanos;

  boolean closed;

  /**
   * @param number of its opening, which no other has
   */
  Sequence(String id, long number, long openedNanos) {
    this.id = id;
    this.number = number;
    this.openedNanos = openedNanos;
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

  /** Requests that wait behind the one that runs or is next. */
  int waitingBehind() {
    return running == null ? waiting.size() - 1 : waiting.size();
  }
}
