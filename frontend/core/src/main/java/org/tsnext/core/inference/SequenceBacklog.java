package org.tsnext.core.inference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.time.Clock;

/**
 * A queue per open sequence ({@code sequenceBatching}). A sequence belongs to the worker that got
 * its first request; a batch has at most one request of each of several sequences. A sequence ends
 * when it was idle for too long, has lived for too long, its worker is gone, or, with continuous
 * batching, the handler says so; what waits in it then is told so, and its id may be opened anew.
 * Descriptions belong to no sequence and have a queue of their own.
 */
final class SequenceBacklog implements Backlog {

  private static final int LONGEST_ID = 256;

  private final int batchSize;
  private final long delayNanos;
  private final SequencePolicy policy;
  private final SequenceIds ids;
  private final Refusals refusals;
  private final Clock clock;
  private final BiConsumer<Call, ServingException> giveUp;

  /** In the order in which they were opened, which is that in which their lives end. */
  private final Map<String, Sequence> open = new LinkedHashMap<>();

  /** In the order in which they fell idle. */
  private final Set<Sequence> idle = new LinkedHashSet<>();

  /** Those with a request and without a worker. */
  private final NavigableSet<Sequence> fresh = new TreeSet<>(Sequence.BY_NEXT_REQUEST);

  private final Map<Seat, Share> shares = new HashMap<>();
  private final JobQueue descriptions;
  private long opened;
  private int waiting;

  /** The sequences of one worker, and those of them with a request that could run now. */
  private record Share(Set<Sequence> owned, NavigableSet<Sequence> ready) {}

  /**
   * @param giveUp tells a request that waited, off the lock
   */
  SequenceBacklog(
      DispatchPolicy dispatch,
      SequencePolicy policy,
      Refusals refusals,
      Clock clock,
      BiConsumer<Call, ServingException> giveUp) {
    this.batchSize = dispatch.batchSize();
    this.delayNanos = dispatch.adaptiveBatchDelay() ? 0 : dispatch.maxBatchDelay().toNanos();
    this.policy = policy;
    this.ids = new SequenceIds(policy);
    this.refusals = refusals;
    this.clock = clock;
    this.giveUp = giveUp;
    this.descriptions = new JobQueue(dispatch.queueCapacity());
  }

  @Override
  public InferenceRequest prepare(InferenceRequest request) {
    return request.kind() == RequestKind.DESCRIBE ? request : ids.named(request);
  }

  @Override
  public int size() {
    return waiting + descriptions.size();
  }

  @Override
  public Optional<ServingException> refusal(Call call) {
    if (call.request().kind() == RequestKind.DESCRIBE) {
      return descriptions.isFull(RequestKind.DESCRIBE)
          ? Optional.of(refusals.queueFull(call.request(), descriptions.size()))
          : Optional.empty();
    }
    String id = ids.of(call.request());
    if (id.length() > LONGEST_ID) {
      return Optional.of(refusals.sequenceIdTooLong(id.length(), LONGEST_ID));
    }
    closeOverdue(call.arrivalNanos());
    Sequence sequence = open.get(id);
    if (sequence == null) {
      return open.size() >= policy.maxOpen()
          ? Optional.of(refusals.tooManySequences(id, policy.maxOpen()))
          : Optional.empty();
    }
    return sequence.waitingBehind() >= policy.maxWaiting()
        ? Optional.of(refusals.sequenceQueueFull(id, policy.maxWaiting()))
        : Optional.empty();
  }

  @Override
  public void add(Call call) {
    if (call.request().kind() == RequestKind.DESCRIBE) {
      descriptions.addLast(call);
      return;
    }
    Sequence sequence =
        open.computeIfAbsent(
            ids.of(call.request()),
            id -> new Sequence(id, opened++, call.arrivalNanos(), policy.mostAtOnce()));
    call.sequence = sequence;
    idle.remove(sequence);
    sequence.waiting().addLast(call);
    waiting++;
    if (sequence.isFree() && sequence.waiting().size() == 1) {
      makeReady(sequence);
    }
  }

  /** Only descriptions come back: what a lost worker knew of a sequence nobody else knows. */
  @Override
  public void putBack(Call call) {
    descriptions.addFirst(call);
  }

  @Override
  public void remove(Call call) {
    Sequence sequence = call.sequence;
    if (sequence == null) {
      descriptions.remove(call);
      return;
    }
    boolean next = sequence.waiting().peekFirst() == call;
    if (!sequence.waiting().remove(call)) {
      return;
    }
    waiting--;
    if (next && sequence.isFree()) {
      readySetOf(sequence).remove(sequence);
      goOn(sequence);
    }
  }

  @Override
  public List<Call> takeAll() {
    List<Call> taken = new ArrayList<>(size());
    for (Sequence sequence : List.copyOf(open.values())) {
      taken.addAll(close(sequence));
    }
    for (Call call = descriptions.poll(); call != null; call = descriptions.poll()) {
      taken.add(call);
    }
    return taken;
  }

  @Override
  public OptionalLong handOut(Seat[] seats, long now) {
    closeOverdue(now);
    handOutDescriptions(seats, now);
    boolean more = true;
    while (more) {
      more = false;
      giveOwners(seats);
      for (Seat seat : seats) {
        Share share = shares.get(seat);
        if (share != null && seat.hasRoom() && isBatchReady(share, now)) {
          List<Call> calls = take(share);
          if (!calls.isEmpty()) {
            seat.assign(calls, now);
          }
          more = true;
        }
      }
    }
    return nextLook(seats);
  }

  @Override
  public void settled(Call call) {
    Sequence sequence = call.sequence;
    // One that was given up for being late is with its worker until that has answered.
    if (sequence != null && call.batch == null && sequence.running().remove(call)) {
      if (!sequence.closed && sequence.running().isEmpty()) {
        goOn(sequence);
      }
    }
  }

  @Override
  public boolean heard(Call call, ResponseHead head) {
    if (call.sequence == null) {
      return false;
    }
    List<String> ended = ids.ended(head);
    for (String id : ended) {
      Sequence sequence = open.get(id);
      if (sequence != null && mayEnd(call.sequence, sequence)) {
        end(sequence, refusals.sequenceEndedByHandler(id));
      }
    }
    return !ended.isEmpty();
  }

  /** A handler has a say in the sequences of its worker, but not in one that came after its own. */
  private static boolean mayEnd(Sequence own, Sequence other) {
    return other.owner == own.owner && (other == own || !other.id().equals(own.id()));
  }

  @Override
  public void retired(Seat seat) {
    Share share = shares.remove(seat);
    if (share != null) {
      share
          .owned()
          .forEach(sequence -> end(sequence, refusals.sequenceWithoutWorker(sequence.id())));
    }
  }

  /** What follows when nothing of it is ready: the next request, or waiting for one. */
  private void goOn(Sequence sequence) {
    if (!sequence.waiting().isEmpty()) {
      makeReady(sequence);
    } else if (sequence.owner == null) {
      close(sequence);
    } else if (sequence.running().isEmpty()) {
      sequence.idleSinceNanos = clock.nanoTime();
      idle.add(sequence);
    }
  }

  private void makeReady(Sequence sequence) {
    sequence.nextArrivalNanos = sequence.waiting().getFirst().arrivalNanos();
    readySetOf(sequence).add(sequence);
  }

  private NavigableSet<Sequence> readySetOf(Sequence sequence) {
    return sequence.owner == null ? fresh : shares.get(sequence.owner).ready();
  }

  private void handOutDescriptions(Seat[] seats, long now) {
    while (!descriptions.isEmpty()) {
      Seat seat = Backlog.freest(seats);
      if (seat == null) {
        return;
      }
      Call call = descriptions.poll();
      if (call.hold()) {
        seat.assign(List.of(call), now);
      }
    }
  }

  /** Gives new sequences to workers that could take their requests now, the fewest first. */
  private void giveOwners(Seat[] seats) {
    while (!fresh.isEmpty()) {
      Seat best = null;
      for (Seat seat : seats) {
        if (seat.hasRoom() && readyOf(seat) < batchSize && (best == null || isBetter(seat, best))) {
          best = seat;
        }
      }
      if (best == null) {
        return;
      }
      Sequence sequence = fresh.pollFirst();
      sequence.owner = best;
      Share share =
          shares.computeIfAbsent(
              best,
              seat -> new Share(new LinkedHashSet<>(), new TreeSet<>(Sequence.BY_NEXT_REQUEST)));
      share.owned().add(sequence);
      share.ready().add(sequence);
    }
  }

  private boolean isBetter(Seat seat, Seat other) {
    int owned = ownedBy(seat);
    int othersOwned = ownedBy(other);
    return owned == othersOwned ? seat.isFreeBefore(other) : owned < othersOwned;
  }

  private int ownedBy(Seat seat) {
    Share share = shares.get(seat);
    return share == null ? 0 : share.owned().size();
  }

  private int readyOf(Seat seat) {
    Share share = shares.get(seat);
    return share == null ? 0 : share.ready().size();
  }

  private boolean isBatchReady(Share share, long now) {
    return !share.ready().isEmpty()
        && (isFull(share) || now - share.ready().first().nextArrivalNanos >= delayNanos);
  }

  /** Whether waiting cannot make the batch larger. */
  private boolean isFull(Share share) {
    int ready = share.ready().size();
    boolean nobodyElse = ready == share.owned().size() && open.size() >= policy.maxOpen();
    return ready >= batchSize || nobodyElse;
  }

  /** Takes the next request of each sequence that is ready, of one kind and oldest first. */
  private List<Call> take(Share share) {
    RequestKind kind = share.ready().first().waiting().getFirst().request().kind();
    List<Sequence> chosen = new ArrayList<>();
    for (Sequence sequence : share.ready()) {
      if (chosen.size() < batchSize && nextKind(sequence) == kind) {
        chosen.add(sequence);
      }
    }
    List<Call> calls = new ArrayList<>(chosen.size());
    for (Sequence sequence : chosen) {
      share.ready().remove(sequence);
      Call call = sequence.waiting().pollFirst();
      waiting--;
      if (call.hold()) {
        sequence.running().add(call);
        calls.add(call);
      }
      if (sequence.isFree()) {
        goOn(sequence);
      }
    }
    return calls;
  }

  private static RequestKind nextKind(Sequence sequence) {
    return sequence.waiting().getFirst().request().kind();
  }

  private void closeOverdue(long now) {
    while (!idle.isEmpty() && idleEnd() - now <= 0) {
      close(idle.iterator().next());
    }
    while (!policy.lifetime().isZero() && !open.isEmpty() && lifeEnd() - now <= 0) {
      Sequence sequence = open.values().iterator().next();
      end(sequence, refusals.sequenceTooOld(sequence.id(), policy.lifetime()));
    }
  }

  private long idleEnd() {
    return idle.iterator().next().idleSinceNanos + policy.maxIdle().toNanos();
  }

  private long lifeEnd() {
    return open.values().iterator().next().openedNanos() + policy.lifetime().toNanos();
  }

  private OptionalLong nextLook(Seat[] seats) {
    OptionalLong next = OptionalLong.empty();
    if (!idle.isEmpty()) {
      next = earlier(next, idleEnd());
    }
    if (!policy.lifetime().isZero() && !open.isEmpty()) {
      next = earlier(next, lifeEnd());
    }
    for (Seat seat : seats) {
      Share share = shares.get(seat);
      if (share != null && seat.hasRoom() && !share.ready().isEmpty()) {
        next = earlier(next, share.ready().first().nextArrivalNanos + delayNanos);
      }
    }
    return next;
  }

  private static OptionalLong earlier(OptionalLong known, long moment) {
    return known.isPresent() && known.getAsLong() - moment <= 0 ? known : OptionalLong.of(moment);
  }

  /** Ends a sequence, and tells those that wait in it. */
  private void end(Sequence sequence, ServingException why) {
    close(sequence).forEach(call -> giveUp.accept(call, why));
  }

  /** Forgets a sequence; a request of it that runs may end. Returns those that waited. */
  private List<Call> close(Sequence sequence) {
    sequence.closed = true;
    open.remove(sequence.id());
    idle.remove(sequence);
    fresh.remove(sequence);
    Share share = sequence.owner == null ? null : shares.get(sequence.owner);
    if (share != null) {
      share.owned().remove(sequence);
      share.ready().remove(sequence);
    }
    List<Call> unserved = List.copyOf(sequence.waiting());
    waiting -= unserved.size();
    sequence.waiting().clear();
    return unserved;
  }
}
