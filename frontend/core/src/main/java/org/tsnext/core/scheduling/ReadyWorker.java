package org.tsnext.core.scheduling;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;

/**
 * A worker that has loaded its model: the batches it has, oldest first. Its state belongs to the
 * scheduler that it was given to.
 */
public class ReadyWorker {

  /** About the way to a worker and back, with a turn of the timer. */
  static final long LEAD_NANOS = 300_000;

  /**
   * A batch that is later than the mean by so many mean deviations, or as long again, is an
   * exception.
   */
  private static final int MANY_DEVIATIONS = 4;

  private final Concurrency concurrency;
  private final Window window;
  private final Deque<Batch> open;
  private int nextBatchId;
  private boolean draining;
  private boolean served;

  /** Written by the scheduler, and read by the thread that sends: see {@link Batch}. */
  private volatile boolean lost;

  /** When it could begin with its oldest batch; without one, when it fell idle. */
  private long turnNanos;

  /** When it last said anything about a batch. */
  private long lastResponseNanos;

  /** Makes a worker that has nothing to do. */
  public ReadyWorker(DispatchPolicy policy, long now) {
    this.concurrency = Concurrency.of(policy);
    this.window = concurrency.window(policy);
    this.open = new ArrayDeque<>(window.maxSize());
    this.turnNanos = now;
    this.lastResponseNanos = now;
  }

  /** Whether it was lost; from any thread. */
  public final boolean isLost() {
    return lost;
  }

  /** Whether it has no batch. */
  public final boolean isIdle() {
    return open.isEmpty();
  }

  /** Since when it has had no batch; meaningless unless it is idle. */
  public final long idleSinceNanos() {
    return turnNanos;
  }

  /** Whether it has responded to anything. */
  public final boolean hasServed() {
    return served;
  }

  /** Batches it has. */
  public final int openBatches() {
    return open.size();
  }

  /** Batches it may have. */
  public final int maxOpenBatches() {
    return window.size();
  }

  Deque<Batch> open() {
    return open;
  }

  boolean hasRoom() {
    return !draining && !lost && open.size() < window.size();
  }

  /**
   * Whether a batch can be taken back from it that it has not begun: it says whether it has. May
   * change at any time, and is asked by the scheduler alone.
   */
  protected boolean canWithdraw() {
    return false;
  }

  /** Whether it may have the next batch ahead, as long as there is no other worker. */
  boolean takesOneAhead() {
    return !draining && !lost && open.size() == 1 && window.allowsOneAhead();
  }

  /** Whether it may have the next batch ahead where there are others, shortly before its end. */
  boolean takesOneJustInTime(long now) {
    return takesOneAhead() && window.isSteady() && doneAt() - now >= 0 && canWithdraw();
  }

  /** Of a worker with one batch: from when on it may have the next one. */
  long takesOneAt() {
    return doneAt() - LEAD_NANOS - (long) window.meanDeviationNanos();
  }

  /**
   * From when on what it has ahead is better served elsewhere: at once, if another worker has
   * nothing to do and the running batch is not about to be done; else when that takes longer than
   * predicted.
   *
   * @param wanted whether another worker has nothing to do
   * @return that moment, {@code now} for at once
   */
  long overdueAt(boolean wanted, long now) {
    double mean = window.meanServiceNanos();
    long doneAt = turnNanos + (long) mean;
    if (wanted) {
      return doneAt - now > LEAD_NANOS ? now : doneAt + LEAD_NANOS;
    }
    double late = Math.min(mean, MANY_DEVIATIONS * window.meanDeviationNanos());
    return doneAt + (long) late + LEAD_NANOS;
  }

  /** What it has ahead and is not asked for, or null. */
  Batch ahead() {
    Batch last = open.peekLast();
    return last != null && last.canBeWithdrawn() && canWithdraw() ? last : null;
  }

  /** Whether it is asked for a batch. */
  boolean isWithdrawing() {
    Batch last = open.peekLast();
    return last != null && last.isWithdrawing();
  }

  boolean hasTicket() {
    return concurrency.hasTicket(this);
  }

  boolean isDraining() {
    return draining;
  }

  /** An idle worker comes first, the longest idle of them; of busy ones the one soonest free. */
  boolean isFreeBefore(ReadyWorker other) {
    return isIdle() == other.isIdle() ? concurrency.isFreeBefore(this, other) : isIdle();
  }

  /** When it will have done what it has, as far as one can know. */
  long doneAt() {
    return turnNanos + (long) (open.size() * window.meanServiceNanos());
  }

  /** Since when it has been silent on what it has. */
  long silentSinceNanos() {
    return lastResponseNanos - turnNanos > 0 ? lastResponseNanos : turnNanos;
  }

  void drain() {
    draining = true;
  }

  void lose() {
    lost = true;
  }

  void noteServed() {
    served = true;
  }

  Batch assign(QueuedRequest[] requests, long now) {
    boolean idle = open.isEmpty();
    Batch batch = new Batch(this, nextBatchId, requests, now, idle ? turnNanos : now, !idle);
    if (open.size() >= window.size()) {
      batch.turn(Batch.Turn.AHEAD);
    }
    if (idle) {
      turnNanos = now;
      lastResponseNanos = now;
    }
    open.addLast(batch);
    nextBatchId++;
    return batch;
  }

  /**
   * Calls for each request of an open batch that the worker still has.
   *
   * @param item its number in the batch, or -1 for all
   * @return whether there was one
   */
  public final boolean forOpen(int batchId, int item, Consumer<QueuedRequest> action) {
    Batch batch = openBatch(batchId);
    boolean any = false;
    for (int i = 0; batch != null && i < batch.size(); i++) {
      QueuedRequest request = item == -1 || item == i ? batch.openItem(i) : null;
      if (request != null) {
        action.accept(request);
        any = true;
      }
    }
    return any;
  }

  /** The open batch with that number, or null. */
  Batch openBatch(int batchId) {
    for (Batch batch : open) {
      if (batch.id() == batchId) {
        return batch;
      }
    }
    return null;
  }

  /** The open batch with that number, of which the worker has said something; or null. */
  Batch respondedBatch(int batchId, long now) {
    Batch batch = openBatch(batchId);
    if (batch != null) {
      lastResponseNanos = now;
      batch.lastResponseNanos = now;
    }
    return batch;
  }

  /**
   * Forgets a batch that is done.
   *
   * @return how long it took since the worker could begin with it
   */
  long close(Batch batch) {
    long took = lastResponseNanos - turnNanos;
    batch.turnCame(turnNanos);
    open.remove(batch);
    window.responded(took);
    turnNanos = lastResponseNanos;
    return took;
  }

  /** Forgets a batch that the worker never got, or has given back. */
  void closeUnsent(Batch batch) {
    open.remove(batch);
  }
}
