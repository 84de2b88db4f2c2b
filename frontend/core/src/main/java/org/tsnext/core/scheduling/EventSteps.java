package org.tsnext.core.scheduling;

import java.util.List;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.tsnext.core.error.ServingException;

/** The steps that several events of a {@link VersionScheduler} have in common. */
final class EventSteps {

  /** How soon what a fault has left undone is tried again. */
  private static final long RETRY_NANOS = 10_000_000;

  private final Admission admission;
  private final DispatchStrategy strategy;
  private final Fleet fleet;
  private final Ends ends;
  private final Effects effects;
  private final Refusals refusals;
  private final Predicate<QueuedRequest> isSomewhere;

  /** Whether something is to be put in order after a fault. */
  private boolean faulty;

  EventSteps(
      Admission admission,
      DispatchStrategy strategy,
      Fleet fleet,
      Ends ends,
      Effects effects,
      Refusals refusals) {
    this.admission = admission;
    this.strategy = strategy;
    this.fleet = fleet;
    this.ends = ends;
    this.effects = effects;
    this.refusals = refusals;
    this.isSomewhere = request -> request.queued || fleet.has(request);
  }

  /** Admits a request, or rejects it if {@code refusal} is not null. */
  void enter(QueuedRequest request, ServingException refusal, long now) {
    if (refusal != null) {
      ends.reject(request, refusal);
      return;
    }
    ends.admit(request);
    strategy.add(request, now);
    advance(now);
  }

  /** Does what is due, and gives batches to workers until there are no more of the one or other. */
  void advance(long now) {
    for (QueuedRequest late = ends.late(now); late != null; late = ends.late(now)) {
      ends.fail(late, late.deadline().expired());
      release(late, now);
    }
    OptionalLong next = strategy.dispatch(fleet.workers(), now);
    if (next.isPresent()) {
      ends.arm(next.getAsLong());
    }
  }

  /** Takes a request out of everything but its batch, whose worker is told instead. */
  void release(QueuedRequest request, long now) {
    strategy.remove(request, now);
    if (request.batch != null) {
      effects.cancel(request.batch, request.item);
    }
  }

  /**
   * Takes a worker out. Its requests wait again where they may, and end otherwise.
   *
   * @param silent whether it did not respond in time
   * @param begun whether it may have begun the oldest of its batches
   */
  void lose(ReadyWorker worker, boolean silent, boolean begun, long now) {
    waitAgain(fleet.lose(worker, silent, begun, strategy, now), now);
    disarmIfOver();
  }

  /** A worker has given a batch back. Its requests wait again, as if it had not been sent. */
  void takeBack(Batch batch, long now) {
    waitAgain(fleet.takeBack(batch), now);
  }

  /** Has requests wait again that a worker had; those that may not are rejected. */
  private void waitAgain(List<QueuedRequest> again, long now) {
    for (int i = again.size() - 1; i >= 0; i--) {
      QueuedRequest request = again.get(i);
      ServingException unserved = admission.unserved(request, now);
      if (unserved == null) {
        strategy.putBack(request);
      } else {
        ends.reject(request, unserved);
      }
    }
  }

  /** Admits no request from now on, and rejects what waits. */
  void close(ServingException why, long now) {
    admission.close(why);
    rejectAll(now);
    disarmIfOver();
  }

  /** Rejects what waits. */
  void rejectAll(long now) {
    strategy.takeAll().forEach(request -> ends.reject(request, admission.unserved(request, now)));
  }

  /** Reports a fault and mends what it has left, now or when the timer fires. Never throws. */
  void mendAfter(Throwable fault, long now) {
    effects.fault(fault);
    ends.timerIsOff();
    ends.arm(now + RETRY_NANOS);
    faulty = true;
    try {
      mendIfFaulty();
    } catch (Throwable e) {
      // The timer comes back to it.
    }
  }

  /** Ends what a fault has left nowhere. */
  void mendIfFaulty() {
    if (faulty) {
      strategy.mend();
      ends.failLost(isSomewhere, refusals.fault());
      fleet.mend();
      faulty = false;
    }
  }

  private void disarmIfOver() {
    if (admission.isClosed() && fleet.isEmpty()) {
      ends.disarm();
    }
  }
}
