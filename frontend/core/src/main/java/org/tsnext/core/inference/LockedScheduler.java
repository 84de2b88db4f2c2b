package org.tsnext.core.inference;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongFunction;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.scheduling.Delivery;
import org.tsnext.core.scheduling.DispatchPolicy;
import org.tsnext.core.scheduling.Effects;
import org.tsnext.core.scheduling.ReadyWorker;
import org.tsnext.core.scheduling.VersionScheduler;
import org.tsnext.core.time.Clock;

/**
 * The scheduler of a version behind its one lock. Every event takes the lock, is decided in a few
 * dozen instructions, and leaves effects. They run off the lock, in the order of the decisions and
 * one at a time, on the thread of one of the events: it has the turn until nothing is left, and
 * others leave theirs to it. An effect may cause events; they are carried out after it, never
 * inside it. To hand effects on allocates nothing, so none is lost for want of memory.
 */
final class LockedScheduler {

  private final Object lock = new Object();

  @GuardedBy("lock")
  private final Effects decided = new Effects();

  @GuardedBy("lock")
  private final VersionScheduler scheduler;

  /** Whether a thread carries out effects. */
  @GuardedBy("lock")
  private boolean taken;

  /** What is being carried out; belongs to the thread that has the turn. */
  private final Effects turn = new Effects();

  private final EffectRunner runner;
  private final Clock clock;

  LockedScheduler(DispatchPolicy policy, Clock clock, EffectRunner runner) {
    this.scheduler = new VersionScheduler(policy, decided);
    this.clock = clock;
    this.runner = runner;
  }

  /** Something that happened. */
  interface Event {
    void apply(VersionScheduler events, long now);
  }

  /** Something that happened, of which the scheduler has something to say at once. */
  interface Decision<T> {
    T make(VersionScheduler events, long now);
  }

  /** Has an event decided. What it throws comes out, after the scheduler was told of it. */
  void feed(Event event) {
    decide(
        (events, now) -> {
          event.apply(events, now);
          return true;
        });
  }

  /** See {@link #feed}. */
  <T> T decide(Decision<T> decision) {
    boolean mine = false;
    try {
      synchronized (lock) {
        long now = clock.nanoTime();
        try {
          return decision.make(scheduler, now);
        } catch (Throwable e) {
          scheduler.onFault(e, now);
          throw e;
        } finally {
          mine = takeTurn();
        }
      }
    } finally {
      carryOut(mine);
    }
  }

  /**
   * Has a request admitted, which has its one end from then on, whatever is thrown.
   *
   * @param from as which another version had admitted it, or null
   * @param maker makes it, with the time of the event; what it throws comes out
   */
  PendingRequest enter(PendingRequest from, LongFunction<PendingRequest> maker) {
    boolean mine;
    PendingRequest request;
    synchronized (lock) {
      // Read here, so that no event comes with an earlier time than the one before it.
      long now = clock.nanoTime();
      request = maker.apply(now);
      try {
        if (from == null) {
          scheduler.onSubmitted(request, now);
        } else {
          scheduler.onTakenOver(request, from, now);
        }
      } catch (Throwable e) {
        scheduler.onFault(request, e, now);
      }
      mine = takeTurn();
    }
    carryOut(mine);
    return request;
  }

  /** See {@link VersionScheduler#onResponse}. Not by {@link #decide}: it would cost an object. */
  Delivery respond(
      ReadyWorker worker,
      int batchId,
      int item,
      ResponseHead head,
      Object body,
      boolean last,
      List<String> endedSequences) {
    boolean mine;
    Delivery delivery;
    synchronized (lock) {
      long now = clock.nanoTime();
      delivery = scheduler.onResponse(worker, batchId, item, head, body, last, endedSequences, now);
      mine = takeTurn();
    }
    carryOut(mine);
    return delivery;
  }

  /** Reads the state as it is between two events. */
  <T> T read(Function<VersionScheduler, T> state) {
    synchronized (lock) {
      return state.apply(scheduler);
    }
  }

  /** Returns whether the caller is to carry out what was decided, once it has left the lock. */
  @GuardedBy("lock")
  private boolean takeTurn() {
    if (taken || (decided.isEmpty() && turn.isEmpty())) {
      return false;
    }
    taken = true;
    turn.takeFrom(decided);
    return true;
  }

  private void carryOut(boolean mine) {
    boolean more = mine;
    while (more) {
      boolean all = false;
      try {
        runner.run(turn);
        all = true;
      } finally {
        synchronized (lock) {
          turn.takeFrom(decided);
          // After a failure beyond repair, as of the stack, the next event goes on with the rest.
          more = all && !turn.isEmpty();
          taken = more;
        }
      }
    }
  }
}
