package org.tsnext.core.inference;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import java.util.function.Supplier;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.metrics.Outcome;
import org.tsnext.core.metrics.VersionMetrics;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.time.Clock;
import org.tsnext.core.time.Scheduler;
import org.tsnext.core.worker.WorkSeat;
import org.tsnext.core.worker.WorkSource;
import org.tsnext.core.worker.WorkerProcess;
import org.tsnext.core.worker.Workforce;

/**
 * Brings the requests of one model version to its workers. One lock guards the queue, the deadlines
 * and the seats; it is held for a few dozen instructions at a time. Sinks, processes and observers
 * are called after it was released: decisions under the lock leave orders in the seats' outboxes
 * and in {@code failed}, and {@link #flush} carries them out.
 *
 * <p>Which event may answer a request is decided here, by taking it out of queue or batch under the
 * lock; that it ends only once is guaranteed in {@link Call}.
 */
public final class Dispatcher implements WorkSource {

  final Object lock = new Object();

  private final DispatchPolicy policy;
  private final Clock clock;
  private final Scheduler scheduler;
  private final Supplier<Optional<Dispatcher>> successor;
  private final Refusals refusals;
  private final VersionMetrics metrics;
  private final Queue<Failed> failed = new ConcurrentLinkedQueue<>();

  // Guarded by the lock.
  private final BatchDelay delay;
  private final Backlog backlog;
  private final DeadlineHeap deadlines = new DeadlineHeap();
  private final LazyTimer batchTimer;
  private final LazyTimer deadlineTimer;
  private Workforce workforce = Workforce.NONE;
  private Optional<ServingException> closed = Optional.empty();

  /** A request that was given up under the lock, to be told off it. */
  private record Failed(Call call, ServingException why) {}

  /** Replaced, never changed, so that {@link #flush} can read it without the lock. */
  private volatile Seat[] seats = {};

  /**
   * Makes the dispatcher of a version.
   *
   * @param metrics of the version; the caller's to close
   * @param successor who serves requests without a version now; perhaps this one. Another one takes
   *     such requests over when they would be refused here
   */
  public Dispatcher(
      DispatchPolicy policy,
      Clock clock,
      Scheduler scheduler,
      VersionMetrics metrics,
      Supplier<Optional<Dispatcher>> successor) {
    this.successor = Objects.requireNonNull(successor, "successor");
    this.policy = Objects.requireNonNull(policy, "policy");
    this.clock = Objects.requireNonNull(clock, "clock");
    this.scheduler = Objects.requireNonNull(scheduler, "scheduler");
    this.metrics = Objects.requireNonNull(metrics, "metrics");
    this.refusals = new Refusals(policy);
    this.delay =
        policy.adaptiveBatchDelay()
            ? new AdaptiveDelay(policy.batchSize())
            : BatchDelay.fixed(policy.maxBatchDelay());
    this.backlog = newBacklog();
    this.batchTimer = new LazyTimer(scheduler, this::batchTimeCame);
    this.deadlineTimer = new LazyTimer(scheduler, this::deadlineCame);
  }

  /** Takes a request over; see {@link InferenceService#submit}. */
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    metrics.arrived(request);
    long now = clock.nanoTime();
    Deadline deadline = Deadline.of(now, policy.clientTimeout(), request.timeout());
    return enter(new Call(this, backlog.prepare(request), sink, now, deadline), now, false);
  }

  /**
   * Goes on with a request that another version of the model had accepted. It keeps its time limit,
   * and finds its place even in a full queue.
   */
  InferenceCall takeOver(Call from) {
    InferenceRequest request = backlog.prepare(from.request());
    Call call = new Call(this, request, from.sink(), from.arrivalNanos(), from.deadline());
    call.deaths = from.deaths;
    return enter(call, clock.nanoTime(), policy.sequences().isEmpty());
  }

  private Call enter(Call call, long now, boolean accepted) {
    Optional<ServingException> refusal;
    synchronized (lock) {
      refusal = accepted ? unserved(call, now) : refusal(call, now);
      if (refusal.isEmpty()) {
        backlog.add(call);
        if (call.deadline().exists()) {
          deadlines.add(call);
          deadlineTimer.arm(call.deadline().nanos(), now);
        }
        pump(now);
      }
    }
    refusal.ifPresent(why -> turnAway(call, why));
    flush();
    return call;
  }

  @Override
  public WorkSeat open(int workerId, WorkerProcess process, WorkSeat.Observer observer) {
    return new Seat(this, workerId, process, observer);
  }

  @Override
  public void workforce(Workforce now) {
    List<Call> unserved;
    synchronized (lock) {
      workforce = now;
      unserved = now.state() == Workforce.State.PRESENT ? List.of() : takeQueue();
    }
    unserved.forEach(call -> turnAway(call, nobody(call.request(), now)));
  }

  /**
   * The version is being unregistered. What runs may end. What waits and what comes goes to the
   * successor if it named no version, or else gets one {@code MODEL_GOING_AWAY}.
   */
  public void goAway() {
    close(refusals.goingAway());
  }

  /** The server goes down, and its time is over: what waits and what comes is refused. */
  public void shutDown() {
    close(Refusals.shuttingDown());
  }

  /** Requests that wait for a worker. */
  public int queueLength() {
    synchronized (lock) {
      return backlog.size();
    }
  }

  /** How long a batch that is not full waits now. */
  public Duration batchDelay() {
    synchronized (lock) {
      return delay.current();
    }
  }

  /** Whether nothing waits and nothing runs. */
  public boolean isIdle() {
    synchronized (lock) {
      return backlog.size() == 0 && Arrays.stream(seats).allMatch(Seat::isIdle);
    }
  }

  DispatchPolicy policy() {
    return policy;
  }

  Refusals refusals() {
    return refusals;
  }

  VersionMetrics metrics() {
    return metrics;
  }

  Clock clock() {
    return clock;
  }

  Scheduler scheduler() {
    return scheduler;
  }

  /** The seat's worker takes work from now on. */
  void seat(Seat seat) {
    synchronized (lock) {
      Seat[] more = Arrays.copyOf(seats, seats.length + 1);
      more[seats.length] = seat;
      seats = more;
      pump(clock.nanoTime());
    }
    flush();
  }

  /** A call has ended by itself: its place is freed, and a worker that has it is told. */
  void forget(Call call) {
    synchronized (lock) {
      release(call);
      pump(clock.nanoTime());
    }
    flush();
  }

  /** Under the lock: gives batches to workers until there are no more of the one or the other. */
  void pump(long now) {
    expire(now);
    OptionalLong again = backlog.handOut(seats, now);
    if (again.isPresent()) {
      batchTimer.arm(again.getAsLong(), now);
    }
  }

  /**
   * Under the lock: a part of the answer to a request has come.
   *
   * @return whether there is something to {@link #flush} now
   */
  boolean heard(Call call, ResponseHead head) {
    return backlog.heard(call, head);
  }

  /** Under the lock: a request is answered, and its deadline does not matter any more. */
  void settled(Call call) {
    deadlines.remove(call);
    backlog.settled(call);
  }

  /** A call has its end, of which its client is about to hear. */
  void ended(Call call, Outcome outcome) {
    metrics.ended(call.request(), outcome, clock.nanoTime() - call.arrivalNanos());
  }

  /** Under the lock: a batch was answered, so long after its worker could begin with it. */
  void served(long serviceNanos) {
    backlog.served(serviceNanos);
    metrics.served(serviceNanos);
  }

  /** Under the lock: the seat takes no more work. */
  void retired(Seat seat) {
    backlog.retired(seat);
  }

  /** Under the lock: the seat's worker is gone. */
  void removeSeat(Seat seat) {
    seats = Arrays.stream(seats).filter(other -> other != seat).toArray(Seat[]::new);
    backlog.retired(seat);
  }

  /**
   * Under the lock: puts requests of a lost worker in front of the queue, in order.
   *
   * @return what to tell those that nobody will serve
   */
  Function<Call, Optional<ServingException>> putBack(List<Call> calls) {
    Workforce now = workforce;
    Optional<ServingException> why = closed;
    boolean nobody = why.isPresent() || now.state() != Workforce.State.PRESENT;
    if (!nobody) {
      for (int i = calls.size() - 1; i >= 0; i--) {
        if (!calls.get(i).hasEnded()) {
          backlog.putBack(calls.get(i));
        }
      }
      return call -> Optional.empty();
    }
    calls.forEach(this::settled);
    return call -> Optional.of(why.orElseGet(() -> nobody(call.request(), now)));
  }

  /**
   * Off the lock: answers a request that is not served here, unless it named no version and another
   * one is the default by now, which then takes it over.
   */
  void turnAway(Call call, ServingException why) {
    boolean movable =
        call.request().version().isEmpty()
            && call.sequence == null
            && why.kind() != ErrorKind.SHUTTING_DOWN;
    // By identity: a version that was registered again has the same name.
    Optional<Dispatcher> next =
        movable ? successor.get().filter(other -> other != this) : Optional.empty();
    if (next.isPresent()) {
      call.handOver(next.get());
    } else {
      call.fail(why);
    }
  }

  /** Off the lock: carries out what was decided under it. */
  void flush() {
    for (Failed each = failed.poll(); each != null; each = failed.poll()) {
      each.call().fail(each.why());
    }
    for (Seat seat : seats) {
      seat.flush();
    }
  }

  private Backlog newBacklog() {
    return policy.sequences().isPresent()
        ? new SequenceBacklog(policy, policy.sequences().get(), refusals, clock, this::giveUp)
        : new SharedBacklog(policy, delay, refusals);
  }

  private void giveUp(Call call, ServingException why) {
    deadlines.remove(call);
    failed.add(new Failed(call, why));
  }

  private Optional<ServingException> refusal(Call call, long now) {
    Optional<ServingException> unserved = unserved(call, now);
    if (unserved.isPresent()) {
      return unserved;
    }
    if (policy.useJobTicket() && freeTickets() <= 0) {
      return Optional.of(refusals.noTicket(call.request()));
    }
    return backlog.refusal(call);
  }

  /** Why nobody would serve a request, however few wait; or empty. */
  private Optional<ServingException> unserved(Call call, long now) {
    if (closed.isPresent()) {
      return closed;
    }
    if (call.deadline().passed(now)) {
      return Optional.of(call.deadline().expired());
    }
    return workforce.state() == Workforce.State.PRESENT
        ? Optional.empty()
        : Optional.of(nobody(call.request(), workforce));
  }

  private ServingException nobody(InferenceRequest request, Workforce now) {
    return now.state() == Workforce.State.FAILED
        ? refusals.allFailed(request, now.reason())
        : refusals.noWorker(request);
  }

  /** Idle workers that no waiting request has a claim on. */
  private int freeTickets() {
    int idle = -backlog.size();
    for (Seat seat : seats) {
      if (seat.hasTicket()) {
        idle++;
      }
    }
    return idle;
  }

  private void expire(long now) {
    for (Call call = deadlines.first();
        call != null && call.deadline().passed(now);
        call = deadlines.first()) {
      release(call);
      giveUp(call, call.deadline().expired());
    }
  }

  /** Takes a call out of everything but its batch, whose worker is told instead. */
  private void release(Call call) {
    backlog.remove(call);
    deadlines.remove(call);
    if (call.batch != null) {
      call.batch.seat().cancel(call);
    }
  }

  private List<Call> takeQueue() {
    List<Call> taken = backlog.takeAll();
    taken.forEach(deadlines::remove);
    return taken;
  }

  private void close(ServingException why) {
    List<Call> unserved;
    synchronized (lock) {
      if (closed.isEmpty()) {
        closed = Optional.of(why);
      }
      batchTimer.cancel();
      unserved = takeQueue();
    }
    unserved.forEach(call -> turnAway(call, why));
  }

  private void batchTimeCame() {
    synchronized (lock) {
      batchTimer.fired();
      pump(clock.nanoTime());
    }
    flush();
  }

  private void deadlineCame() {
    synchronized (lock) {
      deadlineTimer.fired();
      long now = clock.nanoTime();
      pump(now);
      if (!deadlines.isEmpty()) {
        deadlineTimer.arm(deadlines.first().deadline().nanos(), now);
      }
    }
    flush();
  }
}
