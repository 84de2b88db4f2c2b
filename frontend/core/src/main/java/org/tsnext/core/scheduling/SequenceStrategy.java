package org.tsnext.core.scheduling;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;

/**
 * A queue per open sequence ({@code sequenceBatching}). A sequence belongs to the worker that got
 * its first request; a batch has at most one request of each of several sequences. A sequence ends
 * when it was idle for too long, has lived for too long, its worker is gone, or, with continuous
 * batching, the handler says so; what waits in it then fails, and its id may be opened anew.
 * Descriptions belong to no sequence and have a queue of their own.
 */
final class SequenceStrategy implements DispatchStrategy {

  private static final int MAX_ID_LENGTH = 256;

  private final int batchSize;
  private final long delayNanos;
  private final SequencePolicy policy;
  private final Refusals refusals;
  private final Fleet fleet;
  private final Ends ends;
  private final OpenSequences open;
  private final RequestQueue descriptions;

  private final SequenceOwners owners;
  private int waiting;

  SequenceStrategy(
      DispatchPolicy dispatch, SequencePolicy policy, Refusals refusals, Fleet fleet, Ends ends) {
    this.batchSize = dispatch.batchSize();
    this.delayNanos = dispatch.adaptiveBatchDelay() ? 0 : dispatch.maxBatchDelay().toNanos();
    this.policy = policy;
    this.refusals = refusals;
    this.fleet = fleet;
    this.ends = ends;
    this.open = new OpenSequences(policy);
    this.owners = new SequenceOwners(batchSize);
    this.descriptions = new RequestQueue(dispatch.queueCapacity());
  }

  @Override
  public int size() {
    return waiting + descriptions.size();
  }

  @Override
  public ServingException refusal(QueuedRequest request, long now) {
    if (request.kind() == RequestKind.DESCRIBE) {
      return descriptions.isFull(RequestKind.DESCRIBE)
          ? refusals.queueFull(request, descriptions.size())
          : null;
    }
    String id = request.sequenceId();
    if (id.length() > MAX_ID_LENGTH) {
      return refusals.sequenceIdTooLong(id.length(), MAX_ID_LENGTH);
    }
    closeOverdue(now);
    Sequence sequence = open.find(id);
    if (sequence == null) {
      return open.isFull() ? refusals.tooManySequences(id, policy.maxOpen()) : null;
    }
    return sequence.waitingBehind() >= policy.maxWaiting()
        ? refusals.sequenceQueueFull(id, policy.maxWaiting())
        : null;
  }

  @Override
  public void add(QueuedRequest request, long now) {
    if (request.kind() == RequestKind.DESCRIBE) {
      descriptions.addLast(request);
      return;
    }
    Sequence sequence = open.use(request.sequenceId(), now);
    request.sequence = sequence;
    sequence.waiting().addLast(request);
    waiting++;
    if (sequence.isFree() && sequence.waiting().size() == 1) {
      owners.addReady(sequence);
    }
  }

  /** Only descriptions come back: what a lost worker knew of a sequence, no other one knows. */
  @Override
  public void putBack(QueuedRequest request) {
    descriptions.addFirst(request);
  }

  @Override
  public void remove(QueuedRequest request, long now) {
    Sequence sequence = request.sequence;
    if (sequence == null) {
      descriptions.remove(request);
      return;
    }
    boolean next = sequence.waiting().peekFirst() == request;
    if (request.batch != null || !sequence.waiting().remove(request)) {
      return;
    }
    waiting--;
    if (next && sequence.isFree()) {
      owners.removeReady(sequence);
      proceed(sequence, now);
    }
  }

  @Override
  public List<QueuedRequest> takeAll() {
    List<QueuedRequest> taken = new ArrayList<>(size());
    for (Sequence sequence : open.all()) {
      taken.addAll(close(sequence));
    }
    descriptions.drainTo(taken);
    return taken;
  }

  @Override
  public OptionalLong dispatch(ReadyWorker[] workers, long now) {
    closeOverdue(now);
    dispatchDescriptions(workers, now);
    boolean more = true;
    while (more) {
      more = false;
      owners.choose(workers);
      for (ReadyWorker worker : workers) {
        WorkerSequences share = owners.of(worker);
        if (share != null && worker.hasRoom() && isBatchReady(share, now)) {
          fleet.assign(worker, take(share, now), now);
          more = true;
        }
      }
    }
    return nextLook(workers);
  }

  @Override
  public void settled(QueuedRequest request, long now) {
    Sequence sequence = request.sequence;
    if (sequence != null) {
      sequence.running--;
      if (!sequence.closed && sequence.running == 0) {
        proceed(sequence, now);
      }
    }
  }

  @Override
  public void endSequences(QueuedRequest by, List<String> ids) {
    for (String id : ids) {
      Sequence sequence = open.find(id);
      if (by.sequence != null && sequence != null && mayEnd(by.sequence, sequence)) {
        end(sequence, refusals.sequenceEndedByHandler(id));
      }
    }
  }

  /** A handler may end the sequences of its worker, but not one that came after its own. */
  private static boolean mayEnd(Sequence own, Sequence other) {
    return other.begun
        && other.owner == own.owner
        && (other == own || !other.id().equals(own.id()));
  }

  @Override
  public void onUnavailable(ReadyWorker worker) {
    WorkerSequences share = owners.removeOwner(worker);
    if (share != null) {
      share
          .owned()
          .forEach(sequence -> end(sequence, refusals.sequenceWithoutWorker(sequence.id())));
    }
  }

  /** What a fault has left of the sequences cannot be trusted: all of them end. */
  @Override
  public void mend() {
    open.clear();
    owners.clear();
    waiting = 0;
  }

  /** What follows when nothing of it is ready: the next request, or waiting for one. */
  private void proceed(Sequence sequence, long now) {
    if (!sequence.waiting().isEmpty()) {
      owners.addReady(sequence);
    } else if (!sequence.begun) {
      close(sequence);
    } else if (sequence.running == 0) {
      open.fellIdle(sequence, now);
    }
  }

  private void dispatchDescriptions(ReadyWorker[] workers, long now) {
    while (!descriptions.isEmpty()) {
      ReadyWorker worker = DispatchStrategy.freest(workers);
      if (worker == null) {
        return;
      }
      QueuedRequest description = descriptions.poll(RequestKind.DESCRIBE);
      fleet.assign(worker, new QueuedRequest[] {description}, now);
    }
  }

  private boolean isBatchReady(WorkerSequences share, long now) {
    return share.ready() > 0 && (isFull(share) || now - share.oldestArrivalNanos() >= delayNanos);
  }

  /** Whether waiting cannot make the batch larger. */
  private boolean isFull(WorkerSequences share) {
    boolean noOther = share.allAreReady() && open.isFull();
    return share.ready() >= batchSize || noOther;
  }

  /** Takes the next request of each sequence that is ready. */
  private QueuedRequest[] take(WorkerSequences share, long now) {
    List<Sequence> sequences = share.takeReady(batchSize);
    QueuedRequest[] requests = new QueuedRequest[sequences.size()];
    for (int i = 0; i < requests.length; i++) {
      Sequence sequence = sequences.get(i);
      requests[i] = sequence.waiting().pollFirst();
      waiting--;
      sequence.running++;
      if (sequence.isFree()) {
        proceed(sequence, now);
      }
    }
    return requests;
  }

  private void closeOverdue(long now) {
    for (Sequence idle = open.idleForTooLong(now); idle != null; idle = open.idleForTooLong(now)) {
      close(idle);
    }
    for (Sequence old = open.openForTooLong(now); old != null; old = open.openForTooLong(now)) {
      end(old, refusals.sequenceTooOld(old.id(), policy.lifetime()));
    }
  }

  private OptionalLong nextLook(ReadyWorker[] workers) {
    OptionalLong next = open.nextEnd();
    for (ReadyWorker worker : workers) {
      WorkerSequences share = owners.of(worker);
      if (share != null && worker.hasRoom() && share.ready() > 0) {
        next = OpenSequences.earlier(next, share.oldestArrivalNanos() + delayNanos);
      }
    }
    return next;
  }

  /** Ends a sequence, and fails what waits in it. */
  private void end(Sequence sequence, ServingException why) {
    close(sequence).forEach(request -> ends.fail(request, why));
  }

  /** Forgets a sequence; a request of it that runs may end. Returns those that waited. */
  private List<QueuedRequest> close(Sequence sequence) {
    open.close(sequence);
    owners.remove(sequence);
    List<QueuedRequest> unserved = List.copyOf(sequence.waiting());
    waiting -= unserved.size();
    sequence.waiting().clear();
    return unserved;
  }
}
