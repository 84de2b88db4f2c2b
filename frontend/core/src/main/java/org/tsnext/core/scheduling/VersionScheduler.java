package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.worker.WorkerAvailability;

/**
 * Decides what becomes of the requests of one model version. Each method named {@code on...} is an
 * event with its time; what follows from it is appended to the {@link Effects}. It is not
 * thread-safe, and does nothing by itself.
 *
 * <p>After every event these hold: a request has at most one end; none waits while a worker has
 * room that it could take; none is given to another worker once it was partly answered, or to a
 * third one; what has passed its deadline has failed; and the timer is armed for the next moment at
 * which time alone changes anything, or for an earlier one.
 *
 * <p>An event may throw, for want of memory at any allocation: then its owner calls {@link
 * #onFault}, after which each request again waits, is with a worker, or has its end.
 */
public final class VersionScheduler {

  private final DispatchPolicy policy;
  private final Effects effects;
  private final Refusals refusals;
  private final Ends ends;
  private final Fleet fleet;
  private final Admission admission;
  private final BatchDelay delay;
  private final DispatchStrategy strategy;
  private final EventSteps steps;

  /** Makes a scheduler that appends what it decides to {@code effects}. */
  public VersionScheduler(DispatchPolicy policy, Effects effects) {
    this.policy = Objects.requireNonNull(policy, "policy");
    this.effects = Objects.requireNonNull(effects, "effects");
    this.refusals = new Refusals(policy);
    this.ends = new Ends(effects);
    this.fleet = new Fleet(policy, effects, refusals, ends);
    this.admission = new Admission(policy, refusals);
    this.delay = BatchDelay.of(policy);
    this.strategy =
        policy.sequences().isPresent()
            ? new SequenceStrategy(policy, policy.sequences().get(), refusals, fleet, ends)
            : new SharedStrategy(policy, delay, refusals, fleet);
    this.steps = new EventSteps(admission, strategy, fleet, ends, effects, refusals);
  }

  /** A new request came. */
  public void onSubmitted(QueuedRequest request, long now) {
    steps.enter(request, admission.refusal(request, strategy, fleet, now), now);
  }

  /** One came that another version had admitted, as {@code from}. A full queue has its place. */
  public void onTakenOver(QueuedRequest request, QueuedRequest from, long now) {
    request.lostWorkers = from.lostWorkers;
    boolean hasPlace = policy.sequences().isEmpty();
    ServingException refusal =
        hasPlace
            ? admission.lateOrUnserved(request, now)
            : admission.refusal(request, strategy, fleet, now);
    steps.enter(request, refusal, now);
  }

  /** The client has left. Does nothing once the request has ended. */
  public void onCancelled(QueuedRequest request, long now) {
    if (!request.hasEnded()) {
      ends.endSilently(request);
      steps.release(request, now);
      steps.advance(now);
    }
  }

  /**
   * The admission of a request was not decided to its end. The request ends, if it has not.
   *
   * @param fault what was thrown
   */
  public void onFault(QueuedRequest request, Throwable fault, long now) {
    if (!request.hasEnded()) {
      ends.fail(request, refusals.fault());
      try {
        steps.release(request, now);
      } catch (Throwable e) {
        // The worker is not told that it runs for nothing.
        fault.addSuppressed(e);
      }
    }
    onFault(fault, now);
  }

  /**
   * An event was not decided to its end, perhaps for want of memory. Requests that it left nowhere
   * end, open sequences too, and everything else is looked at again soon. Never throws.
   *
   * @param fault what was thrown
   */
  public void onFault(Throwable fault, long now) {
    steps.mendAfter(fault, now);
  }

  /** A worker takes batches from now on. Does nothing if it was lost before. */
  public void onWorkerReady(ReadyWorker worker, long now) {
    if (!worker.isLost()) {
      fleet.add(worker);
      steps.advance(now);
    }
  }

  /**
   * A worker has sent the response to an item, or a chunk of it.
   *
   * @param last whether nothing follows
   * @param endedSequences ids of the sequences that the handler ends with it
   */
  public Delivery onResponse(
      ReadyWorker worker,
      int batchId,
      int item,
      ResponseHead head,
      Object body,
      boolean last,
      List<String> endedSequences,
      long now) {
    Batch batch = worker.respondedBatch(batchId, now);
    QueuedRequest request = batch == null ? null : batch.openItem(item);
    if (request == null) {
      return Delivery.UNKNOWN;
    }
    boolean wanted = !request.hasEnded();
    boolean delivered = false;
    try {
      if (last) {
        fleet.respond(batch, request, head, body);
        delivered = wanted;
        strategy.endSequences(request, endedSequences);
        strategy.settled(request, now);
        fleet.closeIfDone(batch, strategy);
        steps.advance(now);
      } else {
        // It cannot run again from now on, even if the worker is lost before the delivery.
        request.streaming = true;
        worker.noteServed();
        if (wanted) {
          effects.chunk(request, head, body);
          delivered = true;
        }
        strategy.endSequences(request, endedSequences);
      }
    } catch (Throwable e) {
      // A stream without one of its chunks is of no use.
      if (wanted && !delivered) {
        ends.fail(request, refusals.fault());
      }
      onFault(e, now);
    }
    return delivered ? Delivery.DELIVERED : Delivery.DROPPED;
  }

  /**
   * A worker has failed an item, or all open ones of the batch with -1.
   *
   * @param why for the clients
   * @param cause what the worker has said, for {@link Effects.Target#handlerFailed}
   * @return false if there is no such open item
   */
  public boolean onError(
      ReadyWorker worker, int batchId, int item, ServingException why, Object cause, long now) {
    Batch batch = worker.respondedBatch(batchId, now);
    if (batch == null || (item != -1 && batch.openItem(item) == null)) {
      return false;
    }
    List<QueuedRequest> failed = fleet.fail(batch, item, why, strategy, now);
    fleet.closeIfDone(batch, strategy);
    steps.advance(now);
    effects.handlerFailed(batch, failed, cause);
    return true;
  }

  /** A batch could not be sent; its worker has nothing of it. */
  public void onSendFailed(Batch batch, ServingException why, long now) {
    if (!batch.worker().isLost()) {
      fleet.fail(batch, -1, why, strategy, now);
      fleet.closeUnsent(batch);
      steps.advance(now);
    }
  }

  /** As {@link #onSendFailed}, for the worker's batch of that number if it is open. */
  public void onNotSent(ReadyWorker worker, int batchId, ServingException why, long now) {
    Batch batch = worker.openBatch(batchId);
    if (batch != null) {
      onSendFailed(batch, why, now);
    }
  }

  /**
   * A worker says what becomes of a batch that was to be withdrawn: {@code given} back, or begun.
   * Does nothing if that is known by another way.
   */
  public void onWithdrawal(ReadyWorker worker, int batchId, boolean given, long now) {
    Batch batch = worker.openBatch(batchId);
    if (batch == null || !batch.isWithdrawing()) {
      return;
    }
    if (given) {
      steps.takeBack(batch, now);
    } else {
      batch.turn(Batch.Turn.IN_ORDER);
    }
    steps.advance(now);
  }

  /** A worker is to leave: it gets no more batches, and is reported once it has none left. */
  public void onDrain(ReadyWorker worker, long now) {
    fleet.drain(worker, strategy);
    steps.advance(now);
  }

  /**
   * A worker is lost, or about to be killed. Does nothing the second time.
   *
   * @param begun whether it may have begun the oldest of its batches
   */
  public void onWorkerLost(ReadyWorker worker, boolean begun, long now) {
    if (!worker.isLost()) {
      steps.lose(worker, false, begun, now);
      steps.advance(now);
    }
  }

  /** What can be expected of workers has changed. */
  public void onAvailability(WorkerAvailability availability, long now) {
    admission.availability(availability);
    if (availability.state() != WorkerAvailability.State.PRESENT) {
      steps.rejectAll(now);
    }
  }

  /** The version is being unregistered. What runs may end; what waits and comes is rejected. */
  public void onUnregistered(long now) {
    steps.close(refusals.goingAway(), now);
  }

  /** The server stops, and its time is over: what waits and what comes is rejected. */
  public void onShutDown(long now) {
    steps.close(Refusals.shuttingDown(), now);
  }

  /** The timer fired, at its moment or another one. */
  public void onTimer(long now) {
    ends.timerIsOff();
    steps.mendIfFaulty();
    for (ReadyWorker worker : fleet.workers()) {
      if (fleet.isSilent(worker, now)) {
        steps.lose(worker, true, true, now);
      }
    }
    steps.advance(now);
    ends.armForDeadline();
  }

  /** The timer could not be armed: the next event arms it again. */
  public void onTimerFailed() {
    ends.timerIsOff();
  }

  /** Requests that wait for a worker. */
  public int queueLength() {
    return strategy.size();
  }

  /** How long a batch that is not full waits now. */
  public Duration batchDelay() {
    return delay.current();
  }

  /** Whether nothing waits and nothing runs. */
  public boolean isIdle() {
    return strategy.size() == 0 && fleet.isIdle();
  }
}
