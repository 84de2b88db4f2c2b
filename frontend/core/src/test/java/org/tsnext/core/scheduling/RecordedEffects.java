package org.tsnext.core.scheduling;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/** The effects of an event, to be looked at more than once. */
final class RecordedEffects implements Effects.Target {

  private final List<Consumer<Effects.Target>> calls = new ArrayList<>();

  /** Takes everything out of {@code effects}. */
  static RecordedEffects of(Effects effects) {
    RecordedEffects recorded = new RecordedEffects();
    while (effects.carryOutNext(recorded)) {
      // Until there are no more.
    }
    return recorded;
  }

  /** Tells {@code target} of all of them, in order. */
  void replay(Effects.Target target) {
    calls.forEach(call -> call.accept(target));
  }

  @Override
  public void send(Batch batch) {
    calls.add(target -> target.send(batch));
  }

  @Override
  public void cancel(Batch batch, int item) {
    calls.add(target -> target.cancel(batch, item));
  }

  @Override
  public void withdraw(Batch batch) {
    calls.add(target -> target.withdraw(batch));
  }

  @Override
  public void complete(QueuedRequest request, ResponseHead head, Object body) {
    calls.add(target -> target.complete(request, head, body));
  }

  @Override
  public void chunk(QueuedRequest request, ResponseHead head, Object body) {
    calls.add(target -> target.chunk(request, head, body));
  }

  @Override
  public void endStream(QueuedRequest request, ResponseHead head, Object body) {
    calls.add(target -> target.endStream(request, head, body));
  }

  @Override
  public void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause) {
    calls.add(target -> target.handlerFailed(batch, failed, cause));
  }

  @Override
  public void fail(QueuedRequest request, ServingException why) {
    calls.add(target -> target.fail(request, why));
  }

  @Override
  public void reject(QueuedRequest request, ServingException why) {
    calls.add(target -> target.reject(request, why));
  }

  @Override
  public void endSilently(QueuedRequest request) {
    calls.add(target -> target.endSilently(request));
  }

  @Override
  public void served(long nanos, long heldNanos) {
    calls.add(target -> target.served(nanos, heldNanos));
  }

  @Override
  public void silent(ReadyWorker worker) {
    calls.add(target -> target.silent(worker));
  }

  @Override
  public void drained(ReadyWorker worker) {
    calls.add(target -> target.drained(worker));
  }

  @Override
  public void armTimer(long atNanos) {
    calls.add(target -> target.armTimer(atNanos));
  }

  @Override
  public void disarmTimer() {
    calls.add(target -> target.disarmTimer());
  }

  @Override
  public void fault(Throwable fault) {
    calls.add(target -> target.fault(fault));
  }
}
