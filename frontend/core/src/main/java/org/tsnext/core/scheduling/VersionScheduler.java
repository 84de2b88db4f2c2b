package org.tsnext.core.scheduling;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.worker.Workforce;

/**
 * Decides what becomes of the requests of one model version. Each method named {@code on...} is an
 * event with its time; what follows from it is appended to the {@link Effects}. It is not
 * thread-safe, and does nothing by itself.
 *
 * <p>After every event these hold: a request has at most one end; none waits while a worker has
 * room that it could take; none is given to another worker once it was partly answered, or to a
 * third one; what has passed its deadline has failed; and the timer is armed for the next moment at
 * which time alone changes anything, or for an earlier one.
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
  }

  /** A new request came. */
  public void onSubmitted(QueuedRequest request, long now) {
    enter(request, admission.refusal(request, strategy, fleet, now), now);
  }

  /** One came that another version had admitted, as {@code from}. A full queue has its place. */
  public void onTakenOver(QueuedRequest request, QueuedRequest from, long now) {
    request.lostWorkers = from.lostWorkers;
    boolean hasPlace = policy.sequences().isEmpty();
    ServingException refusal =
        hasPlace
            ? admission.lateOrUnserved(request, now)
            : admission.refusal(request, strategy, fleet, now);
    enter(request, refusal, now);
  }

  /** The client has left. Does nothing once the request has ended. */
  public void onCancelled(QueuedRequest request, long now) {
    if (!request.ended) {
      release(request, now);
      ends.end(request);
      effects.endSilently(request);
      advance(now);
    }
  }

  /** Something unexpected befell a request. Does nothing once it has ended. */
  public void onFault(QueuedRequest request, ServingException why, long now) {
    if (!request.ended) {
      release(request, now);
      ends.fail(request, why);
      advance(now);
    }
  }

  /** A worker takes batches from now on. Does nothing if it was lost before. */
  public void onWorkerReady(ReadyWorker worker, long now) {
    if (!worker.isLost()) {
      fleet.add(worker);
      advance(now);
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
    Batch batch = worker.hear(batchId, now);
    QueuedRequest request = batch == null ? null : batch.openItem(item);
    if (request == null) {
      return Delivery.UNKNOWN;
    }
    strategy.endSequences(request, endedSequences);
    boolean dropped = request.ended;
    if (last) {
      fleet.finish(batch, request, strategy, now);
      fleet.closeIfDone(batch, strategy);
      // The worker's next batch is sent before the response is.
      advance(now);
    } else {
      worker.noteServed();
      // It cannot run again from now on, even if the worker is lost before the delivery.
      request.streaming = true;
    }
    if (dropped) {
      return Delivery.DROPPED;
    }
    fleet.deliver(request, head, body, last);
    return Delivery.DELIVERED;
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
    Batch batch = worker.hear(batchId, now);
    if (batch == null || (item != -1 && batch.openItem(item) == null)) {
      return false;
    }
    List<QueuedRequest> failed = fleet.finishItems(batch, item, strategy, now);
    fleet.closeIfDone(batch, strategy);
    advance(now);
    effects.handlerFailed(batch, failed, cause);
    fleet.tell(failed, why);
    return true;
  }

  /** A batch could not be sent; its worker has nothing of it. */
  public void onSendFailed(Batch batch, ServingException why, long now) {
    if (!batch.worker().isLost()) {
      List<QueuedRequest> failed = fleet.finishItems(batch, -1, strategy, now);
      fleet.closeUnsent(batch);
      advance(now);
      fleet.tell(failed, why);
    }
  }

  /** A worker is to leave: it gets no more batches, and is reported once it has none left. */
  public void onDrain(ReadyWorker worker, long now) {
    fleet.drain(worker, strategy);
    advance(now);
  }

  /**
   * A worker is lost, or about to be killed. Does nothing the second time.
   *
   * @param begun whether it may have begun the oldest of its batches
   */
  public void onWorkerLost(ReadyWorker worker, boolean begun, long now) {
    if (!worker.isLost()) {
      LostRequests lost = lose(worker, false, begun, now);
      advance(now);
      fleet.tell(lost);
    }
  }

  /** What can be expected of workers has changed. */
  public void onWorkforce(Workforce workforce) {
    admission.workforce(workforce);
    if (workforce.state() != Workforce.State.PRESENT) {
      rejectAll();
    }
  }

  /** The version is being unregistered. What runs may end; what waits and comes is rejected. */
  public void onUnregistered() {
    close(refusals.goingAway());
  }

  /** The server stops, and its time is over: what waits and what comes is rejected. */
  public void onShutDown() {
    close(Refusals.shuttingDown());
  }

  /** The timer fired, at its moment or another one. */
  public void onTimer(long now) {
    ends.timerIsOff();
    List<LostRequests> lost = new ArrayList<>(0);
    for (ReadyWorker worker : fleet.workers()) {
      if (fleet.isSilent(worker, now)) {
        lost.add(lose(worker, true, true, now));
      }
    }
    advance(now);
    lost.forEach(fleet::tell);
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

  private void enter(QueuedRequest request, ServingException refusal, long now) {
    if (refusal != null) {
      ends.reject(request, refusal);
      return;
    }
    strategy.add(request, now);
    ends.watch(request);
    advance(now);
  }

  /** Does what is due, and gives batches to workers until there are no more of the one or other. */
  private void advance(long now) {
    for (QueuedRequest late = ends.late(now); late != null; late = ends.late(now)) {
      release(late, now);
      ends.fail(late, late.deadline().expired());
    }
    OptionalLong next = strategy.dispatch(fleet.workers(), now);
    if (next.isPresent()) {
      ends.arm(next.getAsLong());
    }
  }

  /** Takes a request out of everything but its batch, whose worker is told instead. */
  private void release(QueuedRequest request, long now) {
    strategy.remove(request, now);
    if (request.batch != null) {
      effects.cancel(request.batch, request.item);
    }
  }

  private LostRequests lose(ReadyWorker worker, boolean silent, boolean begun, long now) {
    LostRequests lost = fleet.lose(worker, silent, begun, strategy, now);
    for (int i = lost.again().size() - 1; i >= 0; i--) {
      QueuedRequest request = lost.again().get(i);
      ServingException unserved = admission.unserved(request);
      if (unserved == null) {
        strategy.putBack(request);
      } else {
        ends.reject(request, unserved);
      }
    }
    disarmIfOver();
    return lost;
  }

  private void close(ServingException why) {
    admission.close(why);
    rejectAll();
    disarmIfOver();
  }

  private void rejectAll() {
    strategy.takeAll().forEach(request -> ends.reject(request, admission.unserved(request)));
  }

  private void disarmIfOver() {
    if (admission.isClosed() && fleet.isEmpty()) {
      ends.disarm();
    }
  }
}
