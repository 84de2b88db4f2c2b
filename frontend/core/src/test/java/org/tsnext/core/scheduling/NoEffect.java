package org.tsnext.core.scheduling;

import java.util.List;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;

/** Carries out nothing; for tests that look at some effects only. */
class NoEffect implements Effects.Target {
  @Override
  public void send(Batch batch) {}

  @Override
  public void cancel(Batch batch, int item) {}

  @Override
  public void withdraw(Batch batch) {}

  @Override
  public void complete(QueuedRequest request, ResponseHead head, Object body) {}

  @Override
  public void chunk(QueuedRequest request, ResponseHead head, Object body) {}

  @Override
  public void endStream(QueuedRequest request, ResponseHead head, Object body) {}

  @Override
  public void handlerFailed(Batch batch, List<QueuedRequest> failed, Object cause) {}

  @Override
  public void fail(QueuedRequest request, ServingException why) {}

  @Override
  public void reject(QueuedRequest request, ServingException why) {}

  @Override
  public void endSilently(QueuedRequest request) {}

  @Override
  public void served(long nanos, long heldNanos) {}

  @Override
  public void silent(ReadyWorker worker) {}

  @Override
  public void drained(ReadyWorker worker) {}

  @Override
  public void armTimer(long atNanos) {}

  @Override
  public void disarmTimer() {}

  @Override
  public void fault(Throwable fault) {}
}
