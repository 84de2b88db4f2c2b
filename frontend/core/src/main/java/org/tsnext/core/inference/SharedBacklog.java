package org.tsnext.core.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.RequestKind;

/** One bounded queue for all workers: whoever will be free first gets the next batch. */
final class SharedBacklog implements Backlog {

  private final JobQueue queue;
  private final BatchDelay delay;
  private final Batcher batcher;
  private final Refusals refusals;

  SharedBacklog(DispatchPolicy policy, BatchDelay delay, Refusals refusals) {
    this.queue = new JobQueue(policy.queueCapacity());
    this.delay = delay;
    this.batcher = new Batcher(queue, policy.batchSize(), delay);
    this.refusals = refusals;
  }

  @Override
  public int size() {
    return queue.size();
  }

  @Override
  public Optional<ServingException> refusal(Call call) {
    return queue.isFull(call.request().kind())
        ? Optional.of(refusals.queueFull(call.request(), queue.size()))
        : Optional.empty();
  }

  @Override
  public void add(Call call) {
    queue.addLast(call);
    delay.arrived(call.arrivalNanos());
  }

  @Override
  public void putBack(Call call) {
    queue.addFirst(call);
  }

  @Override
  public void remove(Call call) {
    queue.remove(call);
  }

  @Override
  public List<Call> takeAll() {
    List<Call> taken = new ArrayList<>(queue.size());
    for (Call call = queue.poll(); call != null; call = queue.poll()) {
      taken.add(call);
    }
    return taken;
  }

  @Override
  public OptionalLong handOut(Seat[] seats, long now) {
    while (!queue.isEmpty()) {
      Seat seat = Backlog.freest(seats);
      if (seat == null) {
        break;
      }
      boolean last = isOnlyOneWithRoom(seats, seat);
      Optional<RequestKind> kind = batcher.ready(now, last);
      if (kind.isEmpty()) {
        return OptionalLong.of(batcher.readyAt());
      }
      List<Call> calls = batcher.take(kind.get());
      if (!calls.isEmpty()) {
        seat.assign(calls, now);
      }
    }
    return OptionalLong.empty();
  }

  @Override
  public void served(long serviceNanos) {
    delay.served(serviceNanos);
  }

  private static boolean isOnlyOneWithRoom(Seat[] seats, Seat seat) {
    for (Seat other : seats) {
      if (other != seat && other.hasRoom()) {
        return false;
      }
    }
    return true;
  }
}
