package org.tsnext.core.scheduling;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotNull;
import static org.testng.Assert.assertNull;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertTrue;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.worker.WorkerAvailability;

/**
 * What a scheduler promises, kept in plain lists and looked through from end to end. It is told of
 * each event before the scheduler, takes the effects after it, and fails where they break a
 * promise. It decides nothing that a promise leaves open.
 */
final class NaiveModel implements Effects.Target {

  final DispatchPolicy policy;
  final List<Worker> workers = new ArrayList<>();
  final List<Worker> lost = new ArrayList<>();
  final List<Request> live = new ArrayList<>();
  final Map<RequestKind, List<Request>> lines = new EnumMap<>(RequestKind.class);
  final Map<String, Line> sequences = new HashMap<>();
  WorkerAvailability availability = WorkerAvailability.NONE;
  Optional<ErrorKind> closed = Optional.empty();
  long now;
  boolean armed;
  long armedAt;
  int ends;

  /** What workers were reported to have failed with, newest last. */
  final List<Object> failures = new ArrayList<>();

  // Of the event that is looked at.
  private final Map<Request, ErrorKind> mustFail = new HashMap<>();
  private final Set<String> cancelled = new HashSet<>();
  private boolean delivered;

  /** A request, and what the model knows of it. */
  static final class Request extends QueuedRequest {
    final int number;
    Line line;
    OpenBatch at;
    int tried;
    boolean begun;
    boolean over;

    Request(int number, RequestKind kind, String sequence, long now, Deadline deadline) {
      super(kind, number % 3 == 0 ? Optional.of("1.0") : Optional.empty(), sequence, now, deadline);
      this.number = number;
    }

    @Override
    public String toString() {
      return "request " + number;
    }
  }

  /** A worker, and what the model knows of it. */
  static final class Worker extends ReadyWorker {
    final List<OpenBatch> has = new ArrayList<>();
    boolean leaves;
    boolean gone;
    boolean reported;
    long quietSince;

    /** When it could begin with the oldest batch that it has. */
    long turnSince;

    /** Whether it answers when a batch is to be withdrawn. */
    boolean givesBack;

    Worker(DispatchPolicy policy, long now) {
      super(policy, now);
    }

    @Override
    protected boolean canWithdraw() {
      return givesBack;
    }

    @Override
    public String toString() {
      return has.size() + " of " + maxOpenBatches() + (leaves ? ", leaves" : "");
    }

    boolean roomy() {
      return !gone && !leaves && has.size() < maxOpenBatches();
    }
  }

  /** A batch that a worker has; items that are done are null. */
  static final class OpenBatch {
    final Batch batch;
    final Worker worker;
    final Request[] items;
    boolean written;
    boolean ahead;
    boolean withdrawing;
    long respondedAt;

    OpenBatch(Batch batch, Worker worker, Request[] items, long now) {
      this.batch = batch;
      this.worker = worker;
      this.items = items;
      this.respondedAt = now;
    }
  }

  /** An open sequence. */
  static final class Line {
    final List<Request> waiting = new ArrayList<>();
    final long openedAt;
    int running;
    Worker owner;
    long idleSince;

    Line(long now) {
      this.openedAt = now;
    }

    @Override
    public String toString() {
      return waiting + ", " + running + " run, owner " + owner + " idle " + idleSince;
    }
  }

  NaiveModel(DispatchPolicy policy, long now) {
    this.policy = policy;
    this.now = now;
    for (RequestKind kind : RequestKind.values()) {
      lines.put(kind, new ArrayList<>());
    }
  }

  // ---- events, told before the scheduler knows of them

  /** Returns why it must be rejected, if it must. */
  Optional<ErrorKind> submit(Request request, boolean takenOver) {
    Optional<ErrorKind> refusal = refusal(request, takenOver);
    live.add(request);
    if (refusal.isPresent()) {
      mustFail.put(request, refusal.get());
    } else if (ofSequence(request)) {
      request.line = sequences.computeIfAbsent(request.sequenceId(), id -> new Line(now));
      request.line.waiting.add(request);
    } else {
      lines.get(request.kind()).add(request);
    }
    return refusal;
  }

  void ready(Worker worker) {
    workers.add(worker);
  }

  /** The worker says something of a batch. */
  void onResponse(OpenBatch batch) {
    batch.respondedAt = now;
    batch.worker.quietSince = now;
  }

  void endSequences(Request by, List<String> ids) {
    for (String id : ids) {
      Line line = sequences.get(id);
      boolean own = line != null && line == by.line;
      boolean other = line != null && by.line != null && !by.sequenceId().equals(id);
      if ((own || other) && line.owner == by.line.owner) {
        closeSequence(id);
      }
    }
  }

  /** The worker is done with an item; returns whether a response still finds its client. */
  boolean finish(OpenBatch batch, int item) {
    Request request = batch.items[item];
    batch.items[item] = null;
    request.at = null;
    stopped(request);
    boolean wanted = !request.over;
    for (Request other : batch.items) {
      if (other != null) {
        return wanted;
      }
    }
    batch.worker.has.remove(batch);
    batch.worker.turnSince = now;
    return wanted;
  }

  /** The worker was asked for a batch, and says that it will not run it, or that it runs. */
  void withdrawal(OpenBatch batch, boolean given) {
    batch.withdrawing = false;
    batch.ahead = false;
    if (!given) {
      return;
    }
    batch.worker.has.remove(batch);
    List<Request> again = new ArrayList<>();
    for (Request request : batch.items) {
      if (request != null) {
        request.at = null;
        waitsAgain(request, again);
      }
    }
    toTheFront(again);
  }

  private void waitsAgain(Request request, List<Request> again) {
    if (!request.over && unserved().isPresent()) {
      mustFail.put(request, unserved().get());
    } else if (!request.over) {
      again.add(request);
    }
  }

  private void toTheFront(List<Request> again) {
    for (int i = again.size() - 1; i >= 0; i--) {
      lines.get(again.get(i).kind()).add(0, again.get(i));
    }
  }

  void drain(Worker worker) {
    worker.leaves = true;
    closeSequencesOf(worker);
  }

  void lose(Worker worker, boolean silent, boolean mayHaveBegun) {
    worker.gone = true;
    workers.remove(worker);
    lost.add(worker);
    closeSequencesOf(worker);
    List<Request> again = new ArrayList<>();
    for (OpenBatch batch : worker.has) {
      boolean begun = policy.runsSideBySide() || (mayHaveBegun && batch == worker.has.get(0));
      boolean late =
          silent
              && (policy.runsSideBySide()
                  ? quietTooLong(batch.respondedAt)
                  : batch == worker.has.get(0));
      for (Request request : batch.items) {
        if (request == null) {
          continue;
        }
        request.at = null;
        stopped(request);
        request.tried += begun && batch.written ? 1 : 0;
        if (request.over) {
          continue;
        }
        if (late) {
          mustFail.put(request, ErrorKind.RESPONSE_TIMEOUT);
        } else if (request.begun || request.line != null || request.tried > maxTries()) {
          mustFail.put(request, ErrorKind.WORKER_LOST);
        } else {
          waitsAgain(request, again);
        }
      }
    }
    worker.has.clear();
    toTheFront(again);
  }

  void availability(WorkerAvailability next) {
    availability = next;
    if (next.state() != WorkerAvailability.State.PRESENT) {
      rejectAll();
    }
  }

  void close(ErrorKind why) {
    closed = Optional.of(closed.orElse(why));
    rejectAll();
  }

  void timer() {
    armed = false;
    policy
        .sequences()
        .ifPresent(
            rules -> {
              for (String id : List.copyOf(sequences.keySet())) {
                Line line = sequences.get(id);
                boolean unused = line.waiting.isEmpty() && line.running == 0;
                boolean idle = unused && now - line.idleSince >= rules.maxIdle().toNanos();
                boolean old =
                    !rules.lifetime().isZero() && now - line.openedAt >= rules.lifetime().toNanos();
                if (idle || old) {
                  closeSequence(id);
                }
              }
            });
  }

  // ---- effects, taken after the scheduler has decided

  /** Takes the effects of one event, and looks through everything. */
  void check(RecordedEffects recorded, VersionScheduler scheduler) {
    recorded.replay(new FirstLook());
    recorded.replay(this);
    delivered = false;
    mustFail.forEach((request, why) -> assertTrue(request.over, request + " must fail: " + why));
    assertEquals(scheduler.queueLength(), waiting(), "requests that wait");
    boolean idle = waiting() == 0 && workers.stream().allMatch(worker -> worker.has.isEmpty());
    assertEquals(scheduler.isIdle(), idle, "idle");
    workers.forEach(this::checkWorker);
    noneWaitsInVain();
    deadlinesAreKept();
    mustFail.clear();
    cancelled.clear();
  }

  @Override
  public void send(Batch batch) {
    Worker worker = (Worker) batch.worker();
    assertTrue(
        workers.contains(worker) && (worker.roomy() || isAhead(worker, batch)),
        "a worker that may have it");
    assertFalse(delivered, "the next batch leaves before a response");
    boolean idle = worker.has.isEmpty();
    Request[] items = new Request[batch.size()];
    Set<Line> lineSet = new HashSet<>();
    for (int i = 0; i < items.length; i++) {
      Request request = (Request) batch.request(i);
      items[i] = request;
      assertFalse(request.over || request.begun, request + " must not run");
      assertNull(request.at, request + " runs already");
      assertTrue(request.tried <= maxTries(), request + " was tried too often");
      assertSame(request.kind(), items[0].kind(), "kinds are not mixed");
      assertFalse(request.deadline().passed(now), request + " is late");
      if (ofSequence(request)) {
        Line line = request.line;
        assertTrue(lineSet.add(line), "one request of each sequence");
        assertSame(line.waiting.remove(0), request, "in order");
        assertTrue(line.owner == null || line.owner == worker, "on its worker");
        line.owner = worker;
        line.running++;
        assertTrue(line.running <= policy.sequences().get().maxRunning(), "one at a time");
      } else {
        assertSame(lines.get(request.kind()).remove(0), request, "in order of arrival");
      }
    }
    boolean describes = items[0].kind() == RequestKind.DESCRIBE;
    assertTrue(items.length <= (describes ? 1 : policy.batchSize()), "size " + items.length);
    if (!describes && policy.sequences().isEmpty()) {
      assertTrue(lines.get(RequestKind.DESCRIBE).isEmpty(), "descriptions go first");
    }
    if (policy.sequences().isEmpty() && !idle) {
      assertTrue(
          workers.stream().noneMatch(other -> other.roomy() && other.has.isEmpty()),
          "behind a busy worker while another one is idle");
    }
    OpenBatch open = new OpenBatch(batch, worker, items, now);
    for (Request request : items) {
      request.at = open;
    }
    if (idle) {
      worker.quietSince = now;
      worker.turnSince = now;
    }
    open.ahead = !worker.has.isEmpty() && worker.has.size() >= worker.maxOpenBatches();
    worker.has.add(open);
  }

  /**
   * The only worker may have one full batch more while it runs one, and so may one of several that
   * gives it back when it is late.
   */
  private boolean isAhead(Worker worker, Batch batch) {
    return (workers.size() == 1 || worker.givesBack)
        && policy.sequences().isEmpty()
        && !worker.leaves
        && worker.hasServed()
        && worker.has.size() == 1
        && (batch.size() == policy.batchSize() || batch.request(0).kind() == RequestKind.DESCRIBE);
  }

  @Override
  public void cancel(Batch batch, int item) {
    Worker worker = (Worker) batch.worker();
    Request request = (Request) batch.request(item);
    assertFalse(worker.gone, "a lost worker is told nothing");
    assertTrue(request.at != null && request.at.batch == batch, request + " does not run there");
    assertTrue(cancelled.add(request.number + ""), request + " was cancelled twice");
  }

  @Override
  public void withdraw(Batch batch) {
    Worker worker = (Worker) batch.worker();
    assertTrue(worker.givesBack && workers.size() > 1, "no other worker could run it");
    OpenBatch open = worker.has.get(worker.has.size() - 1);
    assertSame(open.batch, batch);
    assertTrue(open.ahead && !open.withdrawing && worker.has.size() > 1, "is not ahead");
    open.withdrawing = true;
  }

  @Override
  public void complete(QueuedRequest request, ResponseHead head, Object body) {
    assertFalse(((Request) request).begun, "a plain response after chunks");
    assertEquals(body, "response " + ((Request) request).number);
    delivered = true;
    end((Request) request);
  }

  @Override
  public void chunk(QueuedRequest request, ResponseHead head, Object body) {
    assertFalse(((Request) request).over, "a chunk after the end");
    assertTrue(((Request) request).begun);
  }

  @Override
  public void endStream(QueuedRequest request, ResponseHead head, Object body) {
    assertTrue(((Request) request).begun, "the end of a stream that did not begin");
    delivered = true;
    end((Request) request);
  }

  /** Before those that it failed on end. */
  @Override
  public void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause) {
    assertEquals(Set.copyOf(failed), mustFailBy(ErrorKind.PREDICTION_FAILED));
    failed.forEach(request -> assertFalse(((Request) request).over, request + " has ended"));
    failures.add(cause);
  }

  private Set<Request> mustFailBy(ErrorKind why) {
    Set<Request> requests = new HashSet<>(mustFail.keySet());
    requests.removeIf(request -> mustFail.get(request) != why);
    return requests;
  }

  @Override
  public void fail(QueuedRequest queued, ServingException why) {
    Request request = (Request) queued;
    ErrorKind expected = mustFail.get(request);
    switch (why.kind()) {
      case CLIENT_TIMEOUT -> assertTrue(request.deadline().passed(now), "too early");
      case RESPONSE_TIMEOUT -> {
        boolean alone = request.at != null && quietTooLong(request.at.respondedAt);
        assertTrue(expected == ErrorKind.RESPONSE_TIMEOUT || (alone && policy.runsSideBySide()));
      }
      default -> assertEquals(why.kind(), expected, request + " was failed: " + why.getMessage());
    }
    if (request.at != null) {
      assertTrue(cancelled.contains(request.number + ""), "its worker is not told");
    }
    end(request);
  }

  @Override
  public void reject(QueuedRequest request, ServingException why) {
    assertTrue(request.version().isEmpty(), "named a version");
    assertNull(((Request) request).line, "belongs to a sequence");
    assertFalse(why.kind() == ErrorKind.SHUTTING_DOWN);
    assertEquals(why.kind(), mustFail.get(request), request + " was rejected");
    end((Request) request);
  }

  @Override
  public void endSilently(QueuedRequest queued) {
    Request request = (Request) queued;
    assertEquals(mustFail.get(request), ErrorKind.CANCELLED, "its client is there");
    assertTrue(request.at == null || cancelled.contains(request.number + ""), "not told");
    end(request);
  }

  void leave(Request request) {
    if (!request.over) {
      mustFail.put(request, ErrorKind.CANCELLED);
    }
  }

  void mustFail(Request request, ErrorKind why) {
    mustFail.put(request, why);
  }

  @Override
  public void served(long nanos, long heldNanos) {
    assertTrue(nanos >= 0, "service time " + nanos);
    assertTrue(heldNanos >= 0, "held for " + heldNanos);
  }

  @Override
  public void silent(ReadyWorker worker) {
    assertTrue(((Worker) worker).gone);
  }

  @Override
  public void drained(ReadyWorker worker) {
    assertTrue(((Worker) worker).leaves && ((Worker) worker).has.isEmpty(), "it has work left");
    ((Worker) worker).reported = true;
  }

  @Override
  public void armTimer(long atNanos) {
    armed = true;
    armedAt = atNanos;
  }

  @Override
  public void fault(Throwable fault) {
    throw new AssertionError("an event has thrown", fault);
  }

  @Override
  public void disarmTimer() {
    assertTrue(closed.isPresent() && workers.isEmpty(), "something is still to be waited for");
    armed = false;
  }

  // ---- the promises

  private void checkWorker(Worker worker) {
    assertEquals(worker.openBatches(), worker.has.size(), "batches");
    assertTrue(!worker.leaves || !worker.has.isEmpty() || worker.reported, "drained, not told");
    assertTrue(worker.has.isEmpty() || !quietTooLong(worker.quietSince), "silent, not ended");
    if (worker.has.size() > 1 && workers.size() > 1 && worker.givesBack) {
      OpenBatch last = worker.has.get(worker.has.size() - 1);
      boolean late = now - worker.turnSince >= 2 * Window.MAX_AHEAD_NANOS + ReadyWorker.LEAD_NANOS;
      assertFalse(last.ahead && !last.withdrawing && late, "waits behind a late one");
    }
    if (policy.runsSideBySide()) {
      for (OpenBatch batch : worker.has) {
        assertTrue(batch.items[0].over || !quietTooLong(batch.respondedAt), "silent on one");
      }
    }
  }

  private void noneWaitsInVain() {
    boolean room = workers.stream().anyMatch(Worker::roomy);
    assertTrue(!room || lines.get(RequestKind.DESCRIBE).isEmpty(), "a description waits");
    long delay = policy.maxBatchDelay().toNanos();
    if (room && policy.sequences().isEmpty() && !policy.adaptiveBatchDelay()) {
      for (List<Request> line : lines.values()) {
        boolean full = line.size() >= policy.batchSize() || isFull(RequestKind.PREDICT);
        boolean old = !line.isEmpty() && now - line.get(0).arrivalNanos() >= delay;
        assertFalse(!line.isEmpty() && (full || old || policy.batchSize() == 1), "waits in vain");
      }
    }
    for (Line line : sequences.values()) {
      boolean next =
          !line.waiting.isEmpty() && line.running < policy.sequences().get().maxRunning();
      boolean old = next && now - line.waiting.get(0).arrivalNanos() >= delay;
      boolean free = line.owner == null ? room && delay == 0 : line.owner.roomy();
      assertFalse(old && free, "a sequence waits in vain: " + line + " of " + workers);
    }
  }

  private void deadlinesAreKept() {
    for (Request request : live) {
      assertFalse(request.deadline().passed(now), request + " is late");
    }
  }

  private Optional<ErrorKind> refusal(Request request, boolean takenOver) {
    if (closed.isEmpty() && request.deadline().passed(now)) {
      return Optional.of(ErrorKind.CLIENT_TIMEOUT);
    }
    if (unserved().isPresent() || (takenOver && policy.sequences().isEmpty())) {
      return unserved();
    }
    boolean full;
    if (policy.useJobTicket() && tickets() <= waiting()) {
      full = true;
    } else if (!ofSequence(request)) {
      full = isFull(request.kind());
    } else {
      SequencePolicy rules = policy.sequences().get();
      Line line = sequences.get(request.sequenceId());
      full =
          line == null
              ? sequences.size() >= rules.maxOpen()
              : line.waiting.size() - (line.running < rules.maxRunning() ? 1 : 0)
                  >= rules.maxWaiting();
    }
    return full ? Optional.of(ErrorKind.QUEUE_FULL) : Optional.empty();
  }

  private Optional<ErrorKind> unserved() {
    return closed.isPresent() || availability.state() == WorkerAvailability.State.PRESENT
        ? closed
        : Optional.of(ErrorKind.NO_WORKER);
  }

  private int tickets() {
    return (int)
        workers.stream()
            .filter(one -> policy.runsSideBySide() ? one.roomy() : !one.leaves && one.has.isEmpty())
            .count();
  }

  private boolean isFull(RequestKind kind) {
    int described = lines.get(RequestKind.DESCRIBE).size();
    int others = lines.values().stream().mapToInt(List::size).sum() - described;
    return (kind == RequestKind.DESCRIBE ? described : others) >= policy.queueCapacity();
  }

  int waiting() {
    return lines.values().stream().mapToInt(List::size).sum()
        + sequences.values().stream().mapToInt(line -> line.waiting.size()).sum();
  }

  boolean quietTooLong(long since) {
    return now - since >= policy.responseTimeout().toNanos();
  }

  private int maxTries() {
    return policy.retryOnWorkerDeath() ? 1 : 0;
  }

  private boolean ofSequence(Request request) {
    return policy.sequences().isPresent() && request.kind() != RequestKind.DESCRIBE;
  }

  private void end(Request request) {
    assertFalse(request.over, request + " ends twice");
    request.over = true;
    ends++;
    live.remove(request);
    assertNotNull(request.deadline());
  }

  private void leavesItsLine(Request request) {
    lines.get(request.kind()).remove(request);
    Line line = request.line;
    if (line != null && line.waiting.remove(request)) {
      rest(line);
    }
  }

  /** A request of a sequence runs no more. */
  private void stopped(Request request) {
    if (request.line != null) {
      request.line.running--;
      rest(request.line);
    }
  }

  private void rest(Line line) {
    if (line.waiting.isEmpty() && line.running == 0) {
      line.idleSince = now;
      if (line.owner == null) {
        sequences.values().remove(line);
      }
    }
  }

  private void closeSequencesOf(Worker worker) {
    for (String id : List.copyOf(sequences.keySet())) {
      if (sequences.get(id).owner == worker) {
        closeSequence(id);
      }
    }
  }

  private void closeSequence(String id) {
    for (Request request : sequences.remove(id).waiting) {
      // One that is cancelled or late in the same moment has its own end.
      mustFail.putIfAbsent(request, ErrorKind.SEQUENCE_CLOSED);
    }
  }

  private void rejectAll() {
    lines.values().forEach(line -> line.forEach(one -> mustFail.put(one, unserved().get())));
    sequences
        .values()
        .forEach(line -> line.waiting.forEach(one -> mustFail.put(one, unserved().get())));
    sequences.clear();
  }

  /**
   * Looks for workers that were given up, and for requests that end, before anything else is looked
   * at: workers get batches first, but not of requests that have ended.
   */
  private final class FirstLook extends NoEffect {
    @Override
    public void silent(ReadyWorker worker) {
      Worker one = (Worker) worker;
      assertTrue(!one.has.isEmpty() && quietTooLong(one.quietSince), "it was not silent");
      lose(one, true, true);
    }

    @Override
    public void fail(QueuedRequest request, ServingException why) {
      leavesItsLine((Request) request);
    }

    @Override
    public void reject(QueuedRequest request, ServingException why) {
      leavesItsLine((Request) request);
    }

    @Override
    public void endSilently(QueuedRequest request) {
      leavesItsLine((Request) request);
    }
  }
}
