package org.tsnext.core.inference;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.concurrent.SerialQueue;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.worker.WorkSeat;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerProcess;

/**
 * One worker as the dispatcher sees it: the batches it has, oldest first, and what is still to be
 * told to it. The state is guarded by the dispatcher's lock. Orders to the process are put into the
 * outbox under the lock and carried out off it, by one thread at a time and in order.
 */
final class Seat implements WorkSeat {

  private static final Logger LOGGER = LoggerFactory.getLogger(Seat.class);

  /** Warnings about one worker's nonsense, so that it cannot flood the log. */
  private static final int MOST_WARNINGS = 10;

  private static final String NOT_SENT = "The request could not be sent to its worker";

  private final Dispatcher dispatcher;
  private final DispatchPolicy policy;
  private final int workerId;
  private final WorkerProcess process;
  private final Observer observer;
  private final SerialQueue outbox =
      new SerialQueue(
          Runnable::run, failure -> LOGGER.error("An order to a worker failed", failure));
  private final AtomicInteger warnings = new AtomicInteger();

  private final Deque<Batch> open = new ArrayDeque<>();
  private final Window window;
  private final LazyTimer silenceTimer;
  private int nextBatchId;
  private boolean draining;
  private Optional<Runnable> whenIdle = Optional.empty();
  private boolean served;
  private volatile boolean lost;

  /** When the worker could begin with its oldest batch; without one, when it fell idle. */
  private long turnNanos;

  /** When it last said anything about a batch. */
  private long lastWordNanos;

  Seat(Dispatcher dispatcher, int workerId, WorkerProcess process, Observer observer) {
    this.dispatcher = dispatcher;
    this.policy = dispatcher.policy();
    this.workerId = workerId;
    this.process = process;
    this.observer = observer;
    this.window =
        policy.runsSideBySide() ? Window.constant(policy.sideBySide()) : Window.adaptive();
    this.silenceTimer = new LazyTimer(dispatcher.scheduler(), this::silenceTimeCame);
    this.turnNanos = dispatcher.clock().nanoTime();
    this.lastWordNanos = turnNanos;
  }

  @Override
  public void begin() {
    dispatcher.seat(this);
  }

  @Override
  public void response(int batchId, int item, ResponseHead head, ByteBuf body) {
    Call call;
    boolean streaming = false;
    synchronized (dispatcher.lock) {
      Batch batch = hear(batchId);
      call = batch == null ? null : batch.openItem(item);
      if (call != null) {
        streaming = call.streaming;
        dispatcher.heard(call, head);
        batch.take(call);
        dispatcher.settled(call);
        closeIfDone(batch);
      }
    }
    // The worker's next batch goes out before this answer does.
    dispatcher.flush();
    if (call == null) {
      body.release();
      warn("RESPONSE", batchId, item);
    } else if (streaming) {
      call.endStream(body);
    } else {
      if (head.status() >= 500 && call.hold()) {
        observer.answeredWithError(batchId, head.status(), call.request());
        call.release();
      }
      call.complete(head, body);
    }
  }

  @Override
  public void chunk(int batchId, int item, ResponseHead head, ByteBuf body) {
    Call call;
    boolean othersEnded = false;
    synchronized (dispatcher.lock) {
      Batch batch = hear(batchId);
      call = batch == null ? null : batch.openItem(item);
      if (call != null) {
        served = true;
        // Before it is delivered: if the worker dies now, the request must not run again.
        call.streaming = true;
        othersEnded = dispatcher.heard(call, head);
      }
    }
    if (othersEnded) {
      dispatcher.flush();
    }
    if (call == null) {
      body.release();
      warn("CHUNK", batchId, item);
    } else {
      call.chunk(head, body);
    }
  }

  @Override
  public void error(int batchId, int item, HandlerError error) {
    List<Call> failed;
    synchronized (dispatcher.lock) {
      failed = takeFailed(hear(batchId), item);
    }
    dispatcher.flush();
    if (failed.isEmpty()) {
      warn("ERROR", batchId, item);
      return;
    }
    if (!error.notRun()) {
      report(batchId, error, failed);
    }
    ServingException shown = Refusals.ofHandler(error);
    failed.forEach(call -> call.fail(shown));
  }

  @Override
  public void drain(Runnable whenDone) {
    synchronized (dispatcher.lock) {
      draining = true;
      dispatcher.retired(this);
      if (open.isEmpty()) {
        outbox.add(whenDone);
      } else {
        whenIdle = Optional.of(whenDone);
      }
    }
    dispatcher.flush();
    flush();
  }

  @Override
  public void lost() {
    giveUp(false, true);
  }

  @Override
  public void unusable() {
    giveUp(false, false);
  }

  @Override
  public OptionalLong idleSince() {
    synchronized (dispatcher.lock) {
      return open.isEmpty() && !lost ? OptionalLong.of(turnNanos) : OptionalLong.empty();
    }
  }

  @Override
  public boolean served() {
    synchronized (dispatcher.lock) {
      return served;
    }
  }

  @Override
  public int inFlight() {
    synchronized (dispatcher.lock) {
      return open.size();
    }
  }

  @Override
  public int window() {
    synchronized (dispatcher.lock) {
      return window.size();
    }
  }

  // For the dispatcher, under its lock.

  boolean isIdle() {
    return open.isEmpty();
  }

  boolean hasRoom() {
    return !draining && open.size() < window.size();
  }

  boolean hasTicket() {
    return policy.runsSideBySide() ? hasRoom() : !draining && open.isEmpty();
  }

  /** An idle worker comes first, the longest idle of them; of busy ones the one soonest done. */
  boolean isFreeBefore(Seat other) {
    if (open.isEmpty() != other.open.isEmpty()) {
      return open.isEmpty();
    }
    if (policy.runsSideBySide() && open.size() != other.open.size()) {
      return open.size() < other.open.size();
    }
    return doneAt() - other.doneAt() < 0;
  }

  void assign(List<Call> calls, long now) {
    Batch batch = new Batch(this, nextBatchId++, calls, now);
    if (open.isEmpty()) {
      turnNanos = now;
      lastWordNanos = now;
    }
    open.addLast(batch);
    silenceTimer.arm(now + policy.responseTimeout().toNanos(), now);
    outbox.add(() -> write(batch));
  }

  /** The worker is told that a request it has is no longer wanted. */
  void cancel(Call call) {
    int batchId = call.batch.id();
    int item = call.item;
    outbox.add(() -> process.cancel(batchId, item));
  }

  // Off the lock.

  /** Carries out what is in the outbox. */
  void flush() {
    outbox.drain();
  }

  private void write(Batch batch) {
    if (lost) {
      batch.drop();
      return;
    }
    try {
      batch.write(process, dispatcher.clock(), dispatcher.metrics());
    } catch (Throwable e) {
      LOGGER.error("A batch could not be sent to worker {}", workerId, e);
      error(batch.id(), -1, new HandlerError(500, NOT_SENT, e.toString(), ""));
    }
  }

  private void warn(String message, int batchId, int item) {
    if (!lost && warnings.incrementAndGet() <= MOST_WARNINGS) {
      LOGGER.warn(
          "Worker {} of model {} sent {} for item {} of batch {}, which is not open; ignored",
          workerId,
          policy.modelName(),
          message,
          item,
          Integer.toUnsignedString(batchId));
    }
  }

  private void silenceTimeCame() {
    List<Call> late = new ArrayList<>();
    boolean silent;
    synchronized (dispatcher.lock) {
      silenceTimer.fired();
      if (lost || open.isEmpty()) {
        return;
      }
      long now = dispatcher.clock().nanoTime();
      silent = isOver(Math.max(lastWordNanos, turnNanos), now);
      if (!silent) {
        silenceTimer.arm(nextSilence(now, late), now);
      }
    }
    if (silent) {
      giveUp(true, true);
    } else {
      late.forEach(call -> call.fail(dispatcher.refusals().responseTimeout()));
      dispatcher.flush();
    }
  }

  /** Tells of a failure, with the requests whose buffers are still there. */
  private void report(int batchId, HandlerError error, List<Call> failed) {
    List<Call> held = failed.stream().filter(Call::hold).toList();
    try {
      observer.handlerFailed(batchId, error, held.stream().map(Call::request).toList());
    } finally {
      held.forEach(Call::release);
    }
  }

  /**
   * The worker is gone, or is to be killed because it has been silent for too long.
   *
   * @param begun whether it may have begun its oldest batch
   */
  private void giveUp(boolean silent, boolean begun) {
    LostWork work;
    Function<Call, Optional<ServingException>> verdict;
    synchronized (dispatcher.lock) {
      if (lost) {
        return;
      }
      lost = true;
      silenceTimer.cancel();
      dispatcher.removeSeat(this);
      work = LostWork.of(open, policy, begun, silent ? this::isOverdue : batch -> false);
      open.clear();
      work.late().forEach(dispatcher::settled);
      work.dead().forEach(dispatcher::settled);
      verdict = dispatcher.putBack(work.again());
      whenIdle.ifPresent(outbox::add);
      dispatcher.pump(dispatcher.clock().nanoTime());
    }
    dispatcher.flush();
    flush();
    if (silent) {
      observer.silent(policy.responseTimeout());
    }
    work.late().forEach(call -> call.fail(dispatcher.refusals().responseTimeout()));
    work.dead().forEach(call -> call.fail(Refusals.workerDied(call)));
    work.again()
        .forEach(call -> verdict.apply(call).ifPresent(why -> dispatcher.turnAway(call, why)));
  }

  // Under the lock.

  private Batch hear(int batchId) {
    for (Batch batch : open) {
      if (batch.id() == batchId) {
        lastWordNanos = dispatcher.clock().nanoTime();
        batch.lastWordNanos = lastWordNanos;
        return batch;
      }
    }
    return null;
  }

  private List<Call> takeFailed(Batch batch, int item) {
    if (batch == null) {
      return List.of();
    }
    List<Call> failed;
    if (item == -1) {
      failed = batch.takeAll();
    } else {
      Call call = batch.openItem(item);
      if (call == null) {
        return List.of();
      }
      batch.take(call);
      failed = List.of(call);
    }
    failed.forEach(dispatcher::settled);
    closeIfDone(batch);
    return failed;
  }

  private void closeIfDone(Batch batch) {
    served = true;
    if (!batch.isDone()) {
      return;
    }
    open.remove(batch);
    window.answered(lastWordNanos - turnNanos);
    dispatcher.served(lastWordNanos - turnNanos);
    turnNanos = lastWordNanos;
    if (open.isEmpty()) {
      whenIdle.ifPresent(outbox::add);
      whenIdle = Optional.empty();
    }
    dispatcher.pump(lastWordNanos);
  }

  private long doneAt() {
    return turnNanos + (long) (open.size() * window.meanServiceNanos());
  }

  /** Of a worker that has been silent for too long: whether this is what it was silent on. */
  private boolean isOverdue(Batch batch) {
    return policy.runsSideBySide()
        ? isOver(batch.lastWordNanos, dispatcher.clock().nanoTime())
        : batch == open.peekFirst();
  }

  private boolean isOver(long lastWord, long now) {
    return now - lastWord >= policy.responseTimeout().toNanos();
  }

  /**
   * The moment to look at the worker's silence again. Where batches run side by side, each has its
   * own time: those that are over are cancelled, while the worker lives on.
   */
  private long nextSilence(long now, List<Call> late) {
    long timeout = policy.responseTimeout().toNanos();
    long next = Math.max(lastWordNanos, turnNanos) + timeout;
    if (policy.runsSideBySide()) {
      for (Batch batch : open) {
        Call call = batch.openItem(0);
        if (!isOver(batch.lastWordNanos, now)) {
          next = Math.min(next, batch.lastWordNanos + timeout);
        } else if (call != null && !call.hasEnded()) {
          late.add(call);
          cancel(call);
          dispatcher.settled(call);
        }
      }
    }
    return next;
  }
}
