package org.tsnext.core.scheduling;

import java.util.List;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/**
 * What a scheduler has decided and its owner is to do: first what concerns workers, in order, then
 * the ends of requests, in order, then the timer. So workers have their next batches before clients
 * have their responses.
 *
 * <p>The end of a request is decided and appended in one step, which allocates nothing: its room is
 * in the request itself. So no request can end without its client being told, whatever memory is
 * left. The same holds for a batch on its way to its worker and for the timer. Other effects are
 * objects of their own; without memory for them, the event fails, see {@link
 * VersionScheduler#onFault}.
 */
public class Effects {

  private final Effect.Chain actions = new Effect.Chain();
  private final Effect.Chain ends = new Effect.Chain();
  private Timer timer = Timer.AS_IT_IS;
  private long timerAtNanos;

  /** What an event has thrown, or null. */
  private Throwable fault;

  private enum Timer {
    AS_IT_IS,
    ARMED,
    DISARMED
  }

  /** Carries out effects. A body is what came with the response, and the target's to release. */
  public interface Target {

    /** Sends a batch to its worker, if {@link Batch#beginSending} allows it. */
    void send(Batch batch);

    /** Tells the worker that an item of a batch is no longer wanted. */
    void cancel(Batch batch, int item);

    /**
     * Asks the worker for a batch that it has not begun; {@link VersionScheduler#onWithdrawal}
     * tells what became of it.
     */
    void withdraw(Batch batch);

    /** Ends a request with a plain response. */
    void complete(QueuedRequest request, ResponseHead head, Object body);

    /** Delivers a chunk of a stream. */
    void chunk(QueuedRequest request, ResponseHead head, Object body);

    /** Ends a stream that has begun. */
    void endStream(QueuedRequest request, ResponseHead head, Object body);

    /**
     * A worker has failed requests of a batch. Their ends come after it, so that a client that
     * learns of the failure finds it counted.
     *
     * @param failed those that end by it, perhaps none
     * @param cause what the worker has said
     */
    void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause);

    /** Ends a request with an error. */
    void fail(QueuedRequest request, ServingException why);

    /**
     * Ends a request that this version does not serve; it may be given to another version instead.
     */
    void reject(QueuedRequest request, ServingException why);

    /** Ends a request whose client has left. */
    void endSilently(QueuedRequest request);

    /**
     * A batch is done.
     *
     * @param nanos since its worker could begin with it
     * @param heldNanos for which the worker had had it by then, while it ran the one before
     */
    void served(long nanos, long heldNanos);

    /** A worker did not respond within the response timeout; it was taken out and must end. */
    void silent(ReadyWorker worker);

    /** A worker that is to leave has nothing left to do. */
    void drained(ReadyWorker worker);

    /** Has {@link VersionScheduler#onTimer} called at that moment; replaces the one before. */
    void armTimer(long atNanos);

    /** Has it called no more. */
    void disarmTimer();

    /** An event could not be decided as it should; for the log. */
    void fault(Throwable fault);
  }

  public final boolean isEmpty() {
    return actions.isEmpty() && ends.isEmpty() && timer == Timer.AS_IT_IS && fault == null;
  }

  /** Moves everything from {@code other} behind what is here. */
  public final void takeFrom(Effects other) {
    actions.takeFrom(other.actions);
    ends.takeFrom(other.ends);
    if (other.timer != Timer.AS_IT_IS) {
      timer = other.timer;
      timerAtNanos = other.timerAtNanos;
      other.timer = Timer.AS_IT_IS;
    }
    if (other.fault != null) {
      fault = other.fault;
      other.fault = null;
    }
  }

  /**
   * Takes the next effect out and carries it out.
   *
   * @return false if there was none
   */
  public final boolean carryOutNext(Target target) {
    Effect next = actions.isEmpty() ? ends.poll() : actions.poll();
    if (next != null) {
      next.apply(target);
    } else if (fault != null) {
      Throwable thrown = fault;
      fault = null;
      target.fault(thrown);
    } else if (timer != Timer.AS_IT_IS) {
      boolean arms = timer == Timer.ARMED;
      timer = Timer.AS_IT_IS;
      if (arms) {
        target.armTimer(timerAtNanos);
      } else {
        target.disarmTimer();
      }
    } else {
      return false;
    }
    return true;
  }

  // These allocate nothing.

  final void send(Batch batch) {
    actions.add(batch);
  }

  /** The request says what its end is. */
  final void end(QueuedRequest request) {
    ends.add(request);
  }

  final void armTimer(long atNanos) {
    timer = Timer.ARMED;
    timerAtNanos = atNanos;
  }

  final void disarmTimer() {
    timer = Timer.DISARMED;
  }

  final void fault(Throwable thrown) {
    fault = thrown;
  }

  // These do.

  final void cancel(Batch batch, int item) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.cancel(batch, item);
          }
        });
  }

  final void withdraw(Batch batch) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.withdraw(batch);
          }
        });
  }

  final void chunk(QueuedRequest request, ResponseHead head, Object body) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.chunk(request, head, body);
          }
        });
  }

  final void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.handlerFailed(batch, failed, cause);
          }
        });
  }

  final void served(long nanos, long heldNanos) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.served(nanos, heldNanos);
          }
        });
  }

  final void silent(ReadyWorker worker) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.silent(worker);
          }
        });
  }

  final void drained(ReadyWorker worker) {
    act(
        new Effect() {
          @Override
          void apply(Target target) {
            target.drained(worker);
          }
        });
  }

  /** Appends what was allocated for it; a test has this fail. */
  void act(Effect effect) {
    actions.add(effect);
  }
}
